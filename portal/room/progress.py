"""How far the sending of updates has come, as drawn bars: one query an incident."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from comms.choices import DeliveryState, Variant
from comms.models import Delivery, Incident
from customers.choices import Track

# what a person at the desk tells apart: class of the bar, word, states
GROUPS = (
    ("ok", "accepted", (DeliveryState.ACCEPTED, DeliveryState.DELIVERED)),
    ("rest", "queued", (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.STARTED)),
    ("warn", "uncertain", (DeliveryState.UNCERTAIN,)),
    ("error", "failed", (DeliveryState.FAILED, DeliveryState.BOUNCED)),
    ("technical", "suppressed", (DeliveryState.SUPPRESSED,)),
)


@dataclass(frozen=True)
class Segment:
    """A part of a bar: its class, word and number, where it begins and its width (percent of the bar)."""

    tone: str
    word: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Bar:
    title: str
    total: int
    segments: tuple[Segment, ...]

    @property
    def label(self) -> str:
        return ", ".join(f"{s.count} {s.word}" for s in self.segments if s.count) or "nobody"


def bar_of(title: str, counts: Iterable[tuple[str, str, int]]) -> Bar:
    """A bar of (tone, word, number); with a total of zero it is empty."""
    parts = list(counts)
    total = sum(count for _, _, count in parts)
    segments, start = [], 0.0
    for tone, word, count in parts:
        width = 100 * count / total if total else 0.0
        segments.append(Segment(tone, word, count, round(start, 3), round(width, 3)))
        start += width
    return Bar(title, total, tuple(segments))


def deliveries_of(incident: Incident) -> dict[Variant, list[Bar]]:
    """Per track and for the public the bar of the newest update and, where there were more, one of all of them."""
    rows = (
        Delivery.objects.filter(message__incident=incident, message__update__isnull=False)
        .values_list("message__variant", "message__update__number", "state")
        .annotate(count=Count("pk"))
        .order_by()
    )
    found: dict[Variant, dict[int, Counter[str]]] = {variant: {} for variant in (*map(Variant, Track), Variant.PUBLIC)}
    for variant, number, state, count in rows:
        found[Variant(variant)].setdefault(number, Counter())[state] += count
    return {variant: _bars(numbers) for variant, numbers in found.items()}


def _bars(numbers: dict[int, Counter[str]]) -> list[Bar]:
    if not numbers:
        return []
    newest = max(numbers)
    bars = [_states_bar(f"Update {newest}", numbers[newest])]
    if len(numbers) > 1:
        bars.append(_states_bar(f"All {len(numbers)} updates", sum(numbers.values(), Counter())))
    return bars


def _states_bar(title: str, states: Counter[str]) -> Bar:
    counted = [(tone, word, sum(states[state] for state in group)) for tone, word, group in GROUPS]
    return bar_of(title, counted)
