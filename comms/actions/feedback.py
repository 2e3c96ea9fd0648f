"""What readers say of how an incident was told: was it clear, in the right tone, useful (F5)."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Avg, Count

from comms.models import Feedback, Incident
from comms.rendering.marks import clean
from customers import clock
from customers.choices import Track
from customers.models import Contact

WORDS_MAX = 2000


@dataclass(frozen=True)
class Summary:
    """Of the readers of one track. The means are of 1 to 5; None where nobody said that."""

    track: Track
    n: int
    clear: float | None
    tone: float | None
    useful: float | None


@transaction.atomic
def give(
    *,
    incident: Incident,
    contact: Contact,
    track: Track,
    clear: int | None,
    tone: int | None,
    useful: int | None,
    words: str = "",
) -> Feedback:
    """Keep what a reader of this track says of an incident, each of 1 (worst) to 5; said again, it replaces."""
    kept, _created = Feedback.objects.update_or_create(
        incident=incident,
        contact=contact,
        defaults={
            "track": track,
            "clear": clear,
            "tone": tone,
            "useful": useful,
            "words": clean(words).strip()[:WORDS_MAX],
            "at": clock.now(),
        },
    )
    return kept


def summaries_of(incident_ids: Iterable[int]) -> dict[int, list[Summary]]:
    """Per incident that somebody judged, what the readers of each track said."""
    rows = (
        Feedback.objects.filter(incident__in=list(incident_ids))
        .order_by("incident_id", "-track")
        .values_list("incident_id", "track")
        .annotate(n=Count("pk"), means_clear=Avg("clear"), means_tone=Avg("tone"), means_useful=Avg("useful"))
    )
    found: dict[int, list[Summary]] = {}
    for incident_id, track, *figures in rows:
        found.setdefault(incident_id, []).append(Summary(Track(track), *figures))
    return found
