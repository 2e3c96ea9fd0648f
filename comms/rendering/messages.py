"""A message's texts: subject, text, HTML, short. Rendered once per variant and language, never per person."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext

from comms.models import Template
from comms.rendering import wording
from comms.rendering.facts import Situation, placeholders
from comms.rendering.marks import CLOSE, OPEN, clean, clean_line, clock_mark

SUBJECT_MAX = 200
SHORT_MAX = 200
SERVICES_IN_SUBJECT = 3


@dataclass(frozen=True)
class Text:
    """What the author adds on one track: his own words, and an earlier next time than the cadence gives.

    The public text is his words alone, under a title of its own; it promises no time.
    """

    note: str = ""
    next_update_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str
    short: str


def render_update(template: Template, situation: Situation, *, note: str, next_update_at: datetime | None) -> Rendered:
    """An update's text on one track, all of it in the template's language, whoever publishes.

    `next_update_at` is the promise that will be made, None after resolution.
    """
    with translation.override(template.language):
        return _rendered(template, situation, note=note, next_update_at=next_update_at)


def _rendered(template: Template, situation: Situation, *, note: str, next_update_at: datetime | None) -> Rendered:
    values = placeholders(situation, note=note, next_update_at=next_update_at)
    content = wording.paragraphs(clean(template.body), values)
    in_subject = values | {"next_update": clock_mark(next_update_at) if next_update_at else ""}
    return Rendered(
        subject=_subject(clean_line(template.subject), in_subject, situation),
        text=wording.as_text(content),
        html=wording.as_html(content),
        short=f"{situation.reference} {situation.status.label}: {values['services'] or values['title']}"[:SHORT_MAX],
    )


def _subject(template: str, values: Mapping[str, str], situation: Situation) -> str:
    """The subject with as many services as fit, so that status and next time stay in it (D4, L0)."""
    services = list(dict.fromkeys(clean_line(affected.service) for affected in situation.affected))
    subject = ""
    for shown in range(SERVICES_IN_SUBJECT, 0, -1):
        more = len(services) - shown
        brief = ", ".join(services[:shown]) + (gettext(" and %(more)d more") % {"more": more} if more > 0 else "")
        filled = wording.fill_line(template, {**values, "services": brief}) or situation.reference
        subject = " ".join(filled.split())
        if len(subject) <= SUBJECT_MAX:
            return subject
    return re.sub(f"{OPEN}[^{CLOSE}]*$", "", subject[:SUBJECT_MAX])  # no half mark
