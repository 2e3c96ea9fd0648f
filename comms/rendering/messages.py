"""A message's texts: subject, text, HTML, short. Rendered once per variant and language, never per person."""

from dataclasses import dataclass
from datetime import datetime

from comms.models import Template
from comms.rendering import wording
from comms.rendering.facts import Situation, placeholders
from comms.rendering.marks import clock_mark

SUBJECT_MAX = 200
SHORT_MAX = 200


@dataclass(frozen=True)
class Text:
    """What the author adds on one track: his own words, and an earlier next time than the cadence gives."""

    note: str = ""
    next_update_at: datetime | None = None


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str
    short: str


def render_update(template: Template, situation: Situation, *, note: str, next_update_at: datetime | None) -> Rendered:
    """An update's text on one track. `next_update_at` is the promise that will be made, None after resolution."""
    values = placeholders(situation, note=note, next_update_at=next_update_at)
    content = wording.paragraphs(template.body, values)
    in_subject = values | {"next_update": clock_mark(next_update_at) if next_update_at else ""}
    subject = wording.fill_line(template.subject, in_subject) or situation.reference
    return Rendered(
        subject=" ".join(subject.split())[:SUBJECT_MAX],
        text=wording.as_text(content),
        html=wording.as_html(content),
        short=f"{situation.reference} {situation.status.label}: {values['services'] or values['title']}"[:SHORT_MAX],
    )
