"""What a person types to publish an update: status, the words for each track, those for the public, how it leaves."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from comms.actions import publishing
from comms.choices import IncidentStatus, Variant
from comms.policies import lifecycle
from comms.rendering.marks import clean, clean_line
from comms.rendering.messages import Text
from portal.room.forms import LONGEST_TEXT, MinutesForm, minutes_widget


def _undo_choices() -> list[tuple[int, str]]:
    seconds = sorted({0, 10, 60, settings.UNDO_SECONDS})
    return [(n, str(_("send now")) if n == 0 else f"{n} s") for n in seconds]


class SayForm(MinutesForm):
    """The next update: its status, which tracks, the author's own words, and how it leaves."""

    status = forms.TypedChoiceField(
        label=_("Status after this update"), coerce=IncidentStatus, widget=forms.RadioSelect
    )
    tracks = forms.MultipleChoiceField(
        label=_("Write to"),
        choices=[(variant.value, variant.label) for variant in publishing.TRACKS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one track to write to.")},
    )
    undo = forms.TypedChoiceField(label=_("Time to take it back"), coerce=int, widget=forms.RadioSelect)
    override_reason = forms.CharField(
        label=_("Publish without a second person, because"),
        max_length=200,
        required=False,
        help_text=_("Leave it empty to wait for approval. The reason is kept on the timeline."),
    )
    sms_confirmed = forms.BooleanField(label=_("Send all SMS, however many"), required=False)  # shown over the limit
    public_title = forms.CharField(
        label=_("Public title"),
        max_length=160,
        required=False,
        help_text=_("What is broken, in words that anybody may read."),
    )
    public_text = forms.CharField(
        label=_("Public text"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Nothing is taken over by itself: only what stands here becomes public."),
    )
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    expected_sequence = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, current: IncidentStatus, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # an illegal status is refused by the action, in its own words and after it has looked for a newer update
        said = [choice for choice in IncidentStatus.choices if choice[0] != IncidentStatus.DRAFT]
        self.fields["status"].choices = said  # type: ignore[attr-defined]
        self.fields["status"].widget.choices = status_choices(current)
        self.fields["undo"].choices = _undo_choices()  # type: ignore[attr-defined]
        zone = timezone.get_current_timezone_name()
        for variant in publishing.TRACKS:
            self.fields[f"note_{variant.value}"] = forms.CharField(
                label=_("In your own words"),
                max_length=LONGEST_TEXT,
                required=False,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
            self.fields[f"next_{variant.value}"] = forms.DateTimeField(
                label=_("Earlier next update (%s)") % zone, required=False, widget=minutes_widget()
            )

    def clean_public_title(self) -> str:
        return clean_line(self.cleaned_data["public_title"])

    def clean_public_text(self) -> str:
        return clean(self.cleaned_data["public_text"]).strip()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        title, text = cleaned.get("public_title"), cleaned.get("public_text")
        if "fill_public" in self.data:  # the text is only being begun
            return cleaned
        if text and title == "":
            self.add_error("public_title", _("Give the public text a title: the page and its mails show it."))
        elif title and text == "" and title != self.initial.get("public_title", ""):
            self.add_error("public_text", _("A title alone is not published. Write the public text, too."))
        return cleaned

    def texts(self) -> dict[Variant, Text]:
        """Per chosen track of a valid form what its author adds, and the public text if there is one."""
        chosen = self.cleaned_data["tracks"]
        title, text = self.cleaned_data["public_title"], self.cleaned_data["public_text"]
        return self._of_tracks(chosen) | ({Variant.PUBLIC: Text(note=text, title=title)} if text else {})

    def _of_tracks(self, chosen: list[str]) -> dict[Variant, Text]:
        return {
            variant: Text(
                note=self.cleaned_data[f"note_{variant.value}"],
                next_update_at=self.cleaned_data[f"next_{variant.value}"],
            )
            for variant in publishing.TRACKS
            if variant.value in chosen
        }

    def kept(self) -> dict[Variant, Text]:
        """The same for a form that nobody has filled in yet."""
        title, text = self.initial.get("public_title", ""), self.initial.get("public_text", "")
        public = {Variant.PUBLIC: Text(note=text, title=title)} if text else {}
        return public | {
            variant: Text(
                note=self.initial.get(f"note_{variant.value}", ""),
                next_update_at=self.initial.get(f"next_{variant.value}"),
            )
            for variant in publishing.TRACKS
            if variant.value in self.initial["tracks"]
        }

    def per_track(self) -> list[tuple[Variant, forms.BoundField, forms.BoundField]]:
        return [(v, self[f"note_{v.value}"], self[f"next_{v.value}"]) for v in publishing.TRACKS]


def status_choices(current: IncidentStatus) -> list[tuple[str, str]]:
    """What the next update may say (C5); reopening a resolved incident is a choice made in words (C11)."""
    resolved = current is IncidentStatus.RESOLVED
    names = {s: str(s.label) for s in lifecycle.choices_from(current, reopening=resolved)}
    if resolved:
        names[IncidentStatus.INVESTIGATING] = str(_("investigating again (reopen)"))
    return [(status.value, name) for status, name in names.items()]
