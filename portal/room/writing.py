"""The form of the room: what the incident is, the fact sheet, and the next update, filled in together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.forms import BoundField
from django.http import QueryDict

from comms.actions import incidents, publishing
from comms.actions.publishing.public import shown_of
from comms.actions.publishing.publish import affected_now
from comms.choices import IncidentStatus, Variant
from comms.models import FactSheet, Incident, IncidentUpdate, UpdateDraft
from customers.choices import Severity
from customers.models import Component, User
from portal.room.forms import DescribeForm, FactsForm
from portal.room.say import SayForm, status_choices


@dataclass(frozen=True)
class Writing:
    """Three Django forms that are one form on the page."""

    describe: DescribeForm
    facts: FactsForm
    say: SayForm

    @property
    def is_bound(self) -> bool:
        return self.say.is_bound

    def is_valid(self) -> bool:
        valid = [form.is_valid() for form in (self.describe, self.facts, self.say)]  # all three show their errors
        return all(valid)

    def marked(self) -> list[BoundField]:
        """The fields with errors, in the order of the page."""
        forms = (self.describe, self.facts, self.say)
        return [field for form in forms for field in form if field.errors and not field.is_hidden]

    def resolves(self) -> bool:
        """Whether what is asked for after an incident has to be in view."""
        chosen = self.say["status"].value() == IncidentStatus.RESOLVED
        return chosen or any(field.errors for field in self.facts.after_it())

    @property
    def status(self) -> IncidentStatus:
        """The status that is chosen at the moment."""
        return IncidentStatus(self.say["status"].value())


def writing_of(
    incident: Incident, *, now: datetime, posted: QueryDict | None = None, back: UpdateDraft | None = None
) -> Writing:
    """The form of an incident. `back` is a draft that was withdrawn or refused: its words are offered again."""
    components = Component.objects.select_related("service").order_by("service__position", "service_id", "name")
    levels = {f"level_{i.component_id}": i.level for i in affected_now(incident)}
    described = {"title": incident.title, "severity": incident.severity, "detected_at": incident.detected_at}
    facts = {name: getattr(incident.facts, name) for name in FactSheet.names()}
    current = IncidentStatus(incident.status)
    writing = Writing(
        # what was affected by a resolved incident is settled; reopening it takes up the same components
        DescribeForm(
            posted,
            initial=described | levels,
            now=now,
            components=components if incident.is_open else (),
        ),
        FactsForm(posted, initial=facts),
        SayForm(posted, initial=_say(incident, current, now, back), current=current),
    )
    writing.describe.carry_base()
    writing.facts.carry_base()
    return writing


def _say(incident: Incident, current: IncidentStatus, now: datetime, back: UpdateDraft | None) -> dict[str, Any]:
    draft_ends = current is IncidentStatus.DRAFT
    initial: dict[str, Any] = {
        "status": (IncidentStatus.INVESTIGATING if draft_ends else current).value,
        "tracks": [variant.value for variant in publishing.TRACKS],
        "undo": settings.UNDO_SECONDS,
        "public_title": shown.title if (shown := shown_of(incident)) else "",
        "request_id": uuid4(),
        "expected_sequence": incident.sequence,
    }
    if back is None:
        return initial
    if back.status in dict(status_choices(current)):
        initial["status"] = back.status
    texts = publishing.texts_of(back)
    if public := texts.pop(Variant.PUBLIC, None):
        initial |= {"public_title": public.title, "public_text": public.note}
    initial["sms_confirmed"] = back.sms_confirmed
    initial["tracks"] = [variant.value for variant in texts]
    for variant, text in texts.items():
        initial[f"note_{variant.value}"] = text.note
        if text.next_update_at is not None and text.next_update_at > now:
            initial[f"next_{variant.value}"] = text.next_update_at
    return initial


def save(incident: Incident, writing: Writing, *, actor: User) -> Incident:
    """Save what the author of a valid form changed, and nothing else: several people may write their part (C4).

    To be called in a transaction.

    Raises:
        StaleSequence: somebody published after the form was loaded; the caller's transaction must roll back.
    """
    described = writing.describe

    def typed_or(name: str, present: Any) -> Any:
        return described.cleaned_data[name] if name in described.changed_data else present

    saved = incidents.describe(
        incident_id=incident.pk,
        actor=actor,
        title=typed_or("title", incident.title),
        severity=Severity(typed_or("severity", incident.severity)),
        detected_at=typed_or("detected_at", incident.detected_at),
        impacts=described.impacts({i.component: i.level_choice for i in affected_now(incident)}),
        facts=writing.facts.changed(),
    )
    if saved.sequence != writing.say.cleaned_data["expected_sequence"]:
        raise publishing.StaleSequence("Somebody published while you wrote.")
    return saved


def rebased(incident: Incident, writing: Writing, posted: QueryDict, *, now: datetime) -> Writing:
    """The form once more, on what is saved now: what its author did not change shows the present state."""
    fresh, moved = writing_of(incident, now=now), posted.copy()
    for mine, current in ((writing.describe, fresh.describe), (writing.facts, fresh.facts)):
        for field in current:
            moved[field.html_initial_name] = _plain(field)
            if field.html_name not in mine.changed_data:
                moved[field.html_name] = _plain(field)
    return writing_of(incident, now=now, posted=moved)


def _plain(field: BoundField) -> str:
    """The value of a field as its hidden twin carries it."""
    value = field.value()
    return "" if value is None else str(field.field.hidden_widget().format_value(value) or "")


@dataclass(frozen=True)
class Overtaken:
    """What was published while somebody wrote, and what both changed: label and the other's value."""

    update: IncidentUpdate
    both: list[tuple[str, str]]


def overtaken_by(incident: Incident, writing: Writing, posted: QueryDict, *, now: datetime) -> Overtaken | None:
    """For an author who comes too late: who said what, so that he takes it over or not, knowingly."""
    update = incident.updates.select_related("author").first()
    if update is None:
        return None
    fresh, both = writing_of(incident, now=now), []
    for mine, current in ((writing.describe, fresh.describe), (writing.facts, fresh.facts)):
        for field in current:
            theirs, base = _plain(field), posted.get(field.html_initial_name, "")
            typed = posted.get(field.html_name, "")
            if field.html_name in mine.changed_data and _line_ends(theirs) not in map(_line_ends, (base, typed)):
                both.append((str(field.label), theirs))
    return Overtaken(update, both)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
