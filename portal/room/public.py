"""The public side of the preview: the text as the page will show it, whom it reaches, what to look at again."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from comms.actions.publishing import jargon, public
from comms.audience import subscribers
from comms.choices import ImpactLevel, IncidentStatus
from comms.models import Incident, PublicIncident
from comms.rendering import marks
from comms.rendering.messages import Rendered, Text
from customers.models import Service


@dataclass(frozen=True)
class PublicPane:
    """`text` is None where nothing becomes public; `problem` says what that would mean, or refuses the update."""

    text: Text | None
    status: IncidentStatus
    services: dict[Service, ImpactLevel]
    subscribers: int
    shown: PublicIncident | None
    """What is on the public page already."""
    problem: str
    warnings: list[jargon.Found]


def public_pane(incident: Incident, status: IncidentStatus, text: Text | None) -> PublicPane:
    """What an update with this public text would put on the public page now."""
    shown = public.shown_of(incident)
    over = status is IncidentStatus.RESOLVED
    levels = {} if over else dict(incident.impacts.filter(ended_at=None).values_list("component_id", "level"))
    services = public.affected_by({str(pk): level for pk, level in levels.items()})
    return PublicPane(
        text=text,
        status=status,
        services=services,
        subscribers=_reached(shown, services) if text else 0,
        shown=shown,
        problem=public.refusal_of(incident, status, text),
        warnings=jargon.private_words(f"{text.title}\n{text.note}") if text else [],
    )


def _reached(shown: PublicIncident | None, services: dict[Service, ImpactLevel]) -> int:
    """Subscribers of what is touched now or was told before; those who get it as customers are not told apart yet."""
    keys = {service.public_key for service in services}
    if shown is not None:
        keys |= {key for affected in shown.updates.values_list("affected", flat=True) for key in affected}
    return subscribers(keys).count()


def with_business_text(posted: QueryDict, rendered: Rendered | None) -> QueryDict:
    """The form with the business text below what stands in the public field: a start that its author then edits."""
    words: Any = marks.fill_times(rendered.text, "UTC", "en") if rendered else ""
    filled = posted.copy()
    filled["public_text"] = "\n\n".join(part for part in (posted.get("public_text", "").strip(), words) if part)
    return filled
