import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from comms.models import Incident
from customers.models import Service

MOST_WORDS = 8
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Place:
    """A place in the history: the last incident of the page before."""

    detected_at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{self.detected_at.isoformat()},{self.pk}"

    @classmethod
    def of(cls, incident: Incident) -> "Place":
        return cls(incident.detected_at, incident.pk)


class MonthField(forms.CharField):
    """A month as `<input type="month">` gives it, `2026-11`: its first instant in the reader's zone, or its end."""

    def __init__(self, *, end: bool = False, **options: Any) -> None:
        self.end = end
        super().__init__(required=False, max_length=7, widget=forms.TextInput(attrs={"type": "month"}), **options)

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        found = re.fullmatch(r"(2[0-9]{3})-(0[1-9]|1[0-2])", text)
        if found is None:
            raise ValidationError(_("Write the year and the month, like 2026-11."))
        months = int(found[1]) * 12 + int(found[2]) - 1 + self.end
        return datetime(months // 12, months % 12 + 1, 1, tzinfo=timezone.get_current_timezone())


class HistoryForm(forms.Form):
    """What of the history is wanted, and where a page of it begins; `before` is what `str(Place)` gives."""

    q = forms.CharField(
        label=_("Words or one of your names"),
        required=False,
        max_length=200,
        widget=forms.TextInput({"type": "search"}),
    )
    service = forms.ModelChoiceField(
        label=_("Service"), queryset=Service.objects.none(), required=False, empty_label=_("all")
    )
    state = forms.ChoiceField(
        label=_("State"), choices=[("", _("all")), ("open", _("open")), ("resolved", _("resolved"))], required=False
    )
    since = MonthField(label=_("From month"))
    until = MonthField(label=_("To month"), end=True)
    before = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, services: QuerySet[Service], **options: Any) -> None:
        super().__init__(*args, **options)
        service = self.fields["service"]
        if isinstance(service, forms.ModelChoiceField):
            service.queryset = services

    @property
    def narrows(self) -> bool:
        return bool(self.data.get("q")) or self.filters

    @property
    def filters(self) -> bool:
        return any(self.data.get(name) for name in ("service", "state", "since", "until"))

    def clean_q(self) -> list[str]:
        """The words that must all occur."""
        return list(dict.fromkeys(self.cleaned_data["q"].split()))[:MOST_WORDS]

    def clean_before(self) -> Place | None:
        text = self.cleaned_data["before"]
        if not text:
            return None
        moment, _comma, key = text.rpartition(",")
        try:
            place = Place(datetime.fromisoformat(moment), int(key))
        except ValueError as error:
            raise ValidationError(_("No such place in the history.")) from error
        if place.detected_at.tzinfo is None or not 0 < place.pk <= LARGEST_KEY:
            raise ValidationError(_("No such place in the history."))
        return place


class MessagesForm(forms.Form):
    """Where a page of what was sent begins; `before` is the number of the last delivery of the page before."""

    before = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
