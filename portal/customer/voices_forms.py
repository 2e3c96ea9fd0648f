"""What a customer tells us. Each form carries a request's id, so that a double click says it once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from comms.actions.voices import WORDS_MAX
from comms.choices import VoiceKind
from comms.models import Feedback
from customers.models import Service

MINUTES = "%Y-%m-%dT%H:%M"
LONGEST_AGO = timedelta(days=30)
NO_WORDS = (VoiceKind.ME_TOO, VoiceKind.FIXED)
LABELS = {
    VoiceKind.SOMETHING_ELSE: _("What else is wrong"),
    VoiceKind.NOT_FIXED: _("What does not work yet"),
    VoiceKind.QUESTION: _("Your question"),
}
MARKS = [(str(mark), str(mark)) for mark in range(1, 6)]


class SayForm(forms.Form):
    """One thing said of an incident; some kinds need words."""

    words = forms.CharField(max_length=WORDS_MAX, widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}))
    request_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, data: Any = None, *, kind: VoiceKind) -> None:
        super().__init__(data, auto_id=f"say-{kind.value}-%s")
        if kind in NO_WORDS:
            del self.fields["words"]
        else:
            self.fields["words"].label = LABELS[kind]


class ReportForm(forms.Form):
    """A report of one of the customer's own services."""

    service = forms.TypedChoiceField(label=_("Which service"), coerce=int)
    since = forms.DateTimeField(
        label=_("Since when"),
        help_text=_("In your time zone, as exactly as you know it."),
        widget=forms.DateTimeInput(format=MINUTES, attrs={"type": "datetime-local"}),
    )
    words = forms.CharField(
        label=_("What you see"),
        help_text=_("What does not work, for whom, and what it says. Please no passwords."),
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    request_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, data: Any = None, *, services: Iterable[Service], now: datetime, **options: Any) -> None:
        super().__init__(data, **options)
        self.now = now
        field = self.fields["service"]
        if isinstance(field, forms.TypedChoiceField):
            field.choices = [("", _("choose one")), *((service.pk, service.name) for service in services)]

    def clean_since(self) -> datetime:
        since: datetime = self.cleaned_data["since"]
        if since > self.now + timedelta(minutes=1):
            raise ValidationError(_("This time is in the future. Write when you first saw it."))
        if since < self.now - LONGEST_AGO:
            raise ValidationError(_("This is more than 30 days ago. Write when it began this time."))
        return since


def mark_field(label: Any, lowest: Any, highest: Any) -> forms.TypedChoiceField:
    """From 1 to 5, with words at both ends; empty is no mark."""
    field = forms.TypedChoiceField(
        label=label, choices=MARKS, coerce=int, empty_value=None, required=False, widget=forms.RadioSelect
    )
    field.lowest, field.highest = lowest, highest  # type: ignore[attr-defined]
    return field


class FeedbackForm(forms.Form):
    """How the incident was told."""

    clear = mark_field(_("Was it clear?"), _("not at all clear"), _("very clear"))
    tone = mark_field(_("Was the tone right?"), _("quite wrong"), _("just right"))
    useful = mark_field(_("Was it useful to you?"), _("of no use"), _("very useful"))
    words = forms.CharField(
        label=_("Anything else"), required=False, max_length=WORDS_MAX, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, given: Feedback | None = None) -> None:
        names = ("clear", "tone", "useful", "words")
        initial = {name: getattr(given, name) for name in names} if given else {}
        super().__init__(data, initial=initial, auto_id="feedback-%s")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not any(cleaned.values()):
            raise ValidationError(_("Nothing was chosen or written yet. One answer is enough."))
        return cleaned
