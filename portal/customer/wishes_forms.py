"""What a contact wishes for himself. Fields check shape; what it means is checked by the actions."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.choices import Language, Severity, Track, TransportKind, Wants
from customers.models import Contact, Service

ZONE_LIST = "zones"  # id of the list of names that the page holds once


@lru_cache(maxsize=1)
def zone_names() -> Sequence[str]:
    """Those of places, and UTC: the names that people type."""
    return sorted(name for name in available_timezones() if name == "UTC" or ("/" in name and name[:3] != "Etc"))


class PersonForm(forms.Form):
    """How a person reads, whatever account it is about."""

    language = forms.ChoiceField(
        label=_("Language"),
        help_text=_("Of pages and messages. What is not translated is in English."),
        choices=[("", _("as your company")), *Language.choices],
        required=False,
    )
    timezone = forms.CharField(
        label=_("Time zone"),
        help_text=_("Type a city, like Berlin, and choose from the list. Empty: as your company."),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": ZONE_LIST, "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_timezone(self) -> str:
        """The zone, also where only its city was typed, in whatever capitals."""
        typed = self.cleaned_data["timezone"].strip().replace(" ", "_").lower()
        if not typed:
            return ""
        names = [name for name in zone_names() if typed in (name.lower(), name.lower().rpartition("/")[2])]
        if len(names) != 1:
            raise ValidationError(_("There is no such zone. Choose one from the list, like Europe/Berlin."))
        return names[0]


class WishesForm(forms.Form):
    """Which incidents, which updates of them, and when."""

    services = forms.MultipleChoiceField(
        label=_("Services"),
        help_text=_("None ticked means all, also those that you get later."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    severity_threshold = forms.TypedChoiceField(
        label=_("From severity"),
        help_text=_("Smaller incidents are in the portal only."),
        choices=Severity.choices,
        coerce=lambda value: Severity(int(value)),
    )
    wants = forms.TypedChoiceField(
        label=_("Which updates"),
        help_text=_("The portal always has all of them."),
        choices=Wants.choices,
        coerce=Wants,
        widget=forms.RadioSelect,
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    quiet_always = forms.BooleanField(label=_("Quiet also at severity 4 and 5"), required=False)

    def __init__(self, data: Any = None, *, contact: Contact, services: Iterable[Service]) -> None:
        chosen = list(contact.services.all())
        now = {
            "services": [service.pk for service in chosen],
            "severity_threshold": contact.severity_threshold,
            "wants": contact.wants,
            "quiet_from": contact.quiet_from,
            "quiet_until": contact.quiet_until,
            "quiet_always": contact.quiet_always,
        }
        super().__init__(data, initial=now, prefix=f"c{contact.pk}")
        field = self.fields["services"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(s.pk, s.name) for s in dict.fromkeys([*services, *chosen])]

    def clean_services(self) -> list[int]:
        return [int(number) for number in self.cleaned_data["services"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        begin, end = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if (begin is None) != (end is None) and not {"quiet_from", "quiet_until"} & self.errors.keys():
            self.add_error(
                "quiet_until" if end is None else "quiet_from", _("Quiet hours need both times, or neither.")
            )
        elif begin is not None and begin == end:
            self.add_error("quiet_until", _("The two times are the same: choose a later or an earlier one."))
        return cleaned


class TrackForm(forms.Form):
    """Which of the two texts he reads."""

    track = forms.TypedChoiceField(choices=Track.choices, coerce=Track)


class AddressForm(forms.Form):
    """A further way to reach him."""

    kind = forms.TypedChoiceField(label=_("Channel"), choices=TransportKind.choices, coerce=TransportKind)
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("An e-mail address, a number with + and country for SMS, an https address for the others."),
    )

    def __init__(self, data: Any = None, *, contact: Contact) -> None:
        super().__init__(data, prefix=f"a{contact.pk}")
