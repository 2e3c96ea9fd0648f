from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError

from comms.models import Incident

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


class HistoryForm(forms.Form):
    """Where a page of the history begins; `before` is what `str(Place)` gives."""

    before = forms.CharField(max_length=80, required=False)

    def clean_before(self) -> Place | None:
        text = self.cleaned_data["before"]
        if not text:
            return None
        moment, _, key = text.rpartition(",")
        try:
            place = Place(datetime.fromisoformat(moment), int(key))
        except ValueError as error:
            raise ValidationError("No such place in the history.") from error
        if place.detected_at.tzinfo is None or not 0 < place.pk <= LARGEST_KEY:
            raise ValidationError("No such place in the history.")
        return place


class MessagesForm(forms.Form):
    """Where a page of what was sent begins; `before` is the number of the last delivery of the page before."""

    before = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
