"""Who spoke with whom, how, what was said and what comes next (H5)."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from comms.choices import Mood, OutreachWay
from comms.models import Incident
from customers.models import Account, Contact, User
from portal.room.forms import LONGEST_TEXT, MinutesForm, minutes_widget

YEAR = timedelta(days=365)


class OutreachForm(MinutesForm):
    """The contact of one account, which the caller has found among those of its owner."""

    incident = forms.ModelChoiceField(
        queryset=Incident.objects.none(), label=_("Incident"), required=False, empty_label=_("none")
    )
    contact = forms.ModelChoiceField(
        queryset=Contact.objects.none(), label=_("Spoken with"), required=False, empty_label=_("somebody else")
    )
    person = forms.ModelChoiceField(queryset=User.objects.none(), label=_("Who of us"), empty_label=None)
    at = forms.DateTimeField(label=_("When"), widget=minutes_widget())
    way = forms.TypedChoiceField(
        label=_("How"),
        choices=OutreachWay.choices,
        coerce=OutreachWay,
        widget=forms.RadioSelect,
        initial=OutreachWay.PHONE.value,
    )
    said = forms.CharField(label=_("What was said"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 5}))
    mood = forms.TypedChoiceField(
        label=_("Mood"), choices=Mood.choices, coerce=Mood, widget=forms.RadioSelect, initial=Mood.CALM.value
    )
    next_step = forms.CharField(label=_("Next step"), max_length=200, required=False)
    next_step_due = forms.DateField(
        label=_("Due"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        touched = Incident.objects.published().filter(
            impacts__component__usages__account=account, impacts__told_at__isnull=False, detected_at__gte=now - YEAR
        )
        choices = {
            "incident": Incident.objects.filter(pk__in=touched.values("pk")),
            "contact": account.contacts.order_by("name"),
            "person": User.objects.filter(is_staff=True, is_active=True).order_by("name", "pk"),
        }
        for name, queryset in choices.items():
            self.fields[name].queryset = queryset  # type: ignore[attr-defined]
        self.fields["contact"].label_from_instance = (  # type: ignore[attr-defined]
            lambda contact: f"{contact.name}, {contact.get_role_display()}"
        )

    def incident_ids(self) -> list[int]:
        """The incidents that this account may be spoken with about."""
        return list(self.fields["incident"].queryset.values_list("pk", flat=True))  # type: ignore[attr-defined]

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        if at > self.now:
            raise forms.ValidationError(_("This time is in the future. Log a contact after it has taken place."))
        return at

    def logged(self) -> dict[str, Any]:
        """The arguments of comms.actions.outreach.log_outreach that the form knows."""
        return dict(self.cleaned_data)
