"""Who commands, who writes and who repairs (C4)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import User


class RolesForm(forms.Form):
    """Who does what in this incident (C4)."""

    def __init__(self, *args: Any, staff: "Mapping[str, User]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.staff = staff
        people = [("", _("nobody yet")), *((key, str(user)) for key, user in staff.items())]
        for name, label in (
            ("commander", _("Incident commander")),
            ("communications_lead", _("Communications lead")),
            ("responder", _("Responder (repairs)")),
        ):
            self.fields[name] = forms.ChoiceField(label=label, choices=people, required=False)
        self.fields["override_reason"] = forms.CharField(
            label=_("One person repairs and sends, because"), max_length=200, required=False
        )

    def person(self, name: str) -> User | None:
        return self.staff.get(self.cleaned_data[name])
