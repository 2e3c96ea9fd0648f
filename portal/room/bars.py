"""How far the sending of an incident has come, per track and channel: two grouped queries (E2)."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Case, CharField, Count, F, Q, Value, When

from comms.choices import DeliveryState, Variant
from comms.models import Delivery, FanOutRange, Incident
from customers.choices import TransportKind
from portal.room.entries import SENDING, SUPERSEDED, TONES
from portal.room.progress import Bar, bar_of

MOVING = ("queued", "sending", "retrying")
ARRIVED = ("accepted", "delivered")

WORD = Case(
    When(state__in=SENDING, then=Value("sending")),
    When(state=DeliveryState.QUEUED, attempts__gt=0, then=Value("retrying")),
    When(Q(state=DeliveryState.SUPPRESSED, reply__startswith=SUPERSEDED), then=Value("superseded")),
    default=F("state"),
    output_field=CharField(),
)


@dataclass(frozen=True)
class Sending:
    """The bars, and the sums of all of them."""

    bars: list[Bar]
    sums: Counter[str]
    ranges: int = 0
    """Of accounts, where an audience is so large that it is queued in ranges; `queued` of them are."""
    queued: int = 0

    @property
    def total(self) -> int:
        return self.sums.total()

    @property
    def arrived(self) -> int:
        return sum(self.sums[word] for word in ARRIVED)

    @property
    def moving(self) -> int:
        return sum(self.sums[word] for word in MOVING)

    @property
    def replaced(self) -> int:
        return self.sums["superseded"]

    @property
    def missed(self) -> int:
        return self.total - self.arrived - self.moving - self.replaced


def sending_of(incident: Incident) -> Sending:
    rows = (
        Delivery.objects.filter(message__incident=incident)
        .annotate(word=WORD)
        .values_list("message__variant", "kind", "word")
        .annotate(count=Count("pk"))
        .order_by()
    )
    found: dict[tuple[str, str], Counter[str]] = {}
    for variant, kind, word, count in rows:
        found.setdefault((variant, kind), Counter())[word] += count
    places = [(v, k) for v in Variant for k in TransportKind if (v, k) in found]
    bars = [_bar(v, k, found[v, k]) for v, k in places]
    return Sending(bars, sum(found.values(), Counter()), *_ranges_of(incident))


def _ranges_of(incident: Incident) -> tuple[int, int]:
    """Of the updates some of whose ranges wait: all of their ranges, and those that are queued."""
    waiting = FanOutRange.objects.filter(update__incident=incident, queued_at=None).values("update")
    found = FanOutRange.objects.filter(update__in=waiting).aggregate(
        rows=Count("pk"), queued=Count("queued_at"), updates=Count("update", distinct=True)
    )
    first = found["updates"]  # written with the update, without a row
    return found["rows"] + first, found["queued"] + first


def _bar(variant: Variant, kind: TransportKind, counts: Counter[str]) -> Bar:
    return bar_of(f"{variant.label}, {kind.label}", [(tone, word, counts[word]) for word, tone in TONES.items()])
