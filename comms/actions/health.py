"""What is wrong with the sending, in words, and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Q

from comms.actions import beats
from comms.actions.deliveries import relays
from comms.choices import DeliveryState, Lane
from comms.models import Beat, Delivery, Installation, Message, Relay
from comms.models.delivery import UNFINISHED
from customers import clock

DAY = timedelta(hours=24)
TRIED = timedelta(days=4)  # longer than anything is retried: what ended lately belongs to a message of these days


@dataclass(frozen=True)
class Check:
    """`says` may be read by anybody; `detail` and `mend` are for colleagues."""

    name: str
    title: str
    ok: bool
    says: str
    detail: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Queue:
    """What a lane has to do at a moment. `oldest` is due and unfinished, None where nothing is."""

    lane: Lane
    waiting: int
    oldest: datetime | None


def checks() -> list[Check]:
    """The database, the clocks, each lane, the mail relay, whether sending is held; if the first is away it alone."""
    try:
        now = clock.now()
        return [
            Check("database", "Database", True, "It answers."),
            *_signs_of_life(now),
            _relay(now),
            _held(),
        ]
    except (DatabaseError, InterfaceError):
        mend = "Start PostgreSQL, or look at DATABASE_URL; every process connects again by itself."
        return [Check("database", "Database", False, "It does not answer.", mend=mend)]


def _signs_of_life(now: datetime) -> list[Check]:
    last = dict(Beat.objects.values_list("name", "ran_at"))
    clocks_silent = beats.are_clocks_silent(now)
    silent = beats.silent_lanes(now)
    clocks_mend = "manage.py supervise starts them again by itself; if it does not run, start it, and read its log."
    clocks_detail = "Updates do not leave after their undo window, and promises are not watched."
    found = [
        Check(
            "clocks", "Clocks", not clocks_silent, _sign(last.get(beats.CLOCKS), now),
            clocks_detail if clocks_silent else "", clocks_mend if clocks_silent else "",
        )
    ]  # fmt: skip
    for lane in Lane:
        ran_at = last.get(lane.value)
        ok = lane not in silent and ran_at is not None and (ran_at >= now - beats.SILENT or not clocks_silent)
        detail = "" if ok else "What is due in this lane waits in the ledger; nothing is lost."
        mend = "Mend the clocks first: they ask the lanes for a sign of life." if clocks_silent else LANE_MEND
        title = f"Lane {lane.value}"
        found.append(Check(f"lane_{lane.value}", title, ok, _sign(ran_at, now), detail, "" if ok else mend))
    return found


LANE_MEND = (
    "manage.py supervise ends the lane as a whole and starts it again by itself, within a minute; if it does not "
    "run, start it. A lane that falls silent again and again: read its log."
)


def _sign(ran_at: datetime | None, now: datetime) -> str:
    return "There was no sign of life yet." if ran_at is None else f"Last sign of life {words(now - ran_at)} ago."


def _relay(now: datetime) -> Check:
    failing = Relay.objects.filter(pk__in=relays.ways(), failures__gt=0)
    relay = failing.order_by("-pk").first()  # the relay before the provider that takes over for it
    if relay is None:
        return Check("relay", "Mail relay", True, "It takes our mail.")
    times = "the last time" if relay.failures == 1 else f"the last {relay.failures} times"
    says = f"It did not answer {times} that it was tried."
    if relay.closed_until is not None and relay.closed_until > now:
        says += f" It is left alone for another {words(relay.closed_until - now)}."
    if relays.way_now() != relay.pk:
        says += f" Mail leaves by the {'provider' if relay.pk == relays.SMTP else 'relay'} meanwhile."
    settings = "SMTP_HOST, SMTP_PORT, SMTP_SECURITY" if relay.pk == relays.SMTP else "MAIL_PROVIDER, ANYMAIL"
    mend = f"Look at {settings} and the login, and whether it is up. Then mail leaves by itself."
    return Check("relay", "Mail relay", False, says, relay.reason, mend)


def _held() -> Check:
    row = Installation.objects.filter(held_at__isnull=False).first()
    if row is None:
        return Check("sending", "Sending", True, "It is not held.")
    mend = "If this database is the true one, and no other sends, say so below. On a copy leave it held."
    return Check(
        "sending", "Sending", False, "It is held: nothing leaves until a person confirms.", row.held_reason, mend
    )


def queues(now: datetime) -> list[Queue]:
    """Per lane; read from the index of what is unfinished (delivery_due)."""
    rows = (
        Delivery.objects.filter(finished_at=None, state__in=UNFINISHED)
        .order_by()
        .values("lane")
        .annotate(waiting=Count("pk"), oldest=Min("due_at", filter=Q(due_at__lte=now)))
    )
    found = {row["lane"]: Queue(Lane(row["lane"]), row["waiting"], row["oldest"]) for row in rows}
    return [found.get(lane.value, Queue(lane, 0, None)) for lane in Lane]


def first_message(now: datetime) -> int:
    """Deliveries that ended lately are of this message or a later one: the index delivery_once bounds what is read."""
    first = Message.objects.filter(created_at__gte=now - TRIED).aggregate(first=Min("pk"))["first"]
    return 2**62 if first is None else int(first)


def troubled(now: datetime) -> Mapping[DeliveryState, int]:
    """How many deliveries failed or stayed uncertain in the last 24 hours."""
    states = [DeliveryState.FAILED, DeliveryState.UNCERTAIN]
    rows = Delivery.objects.filter(message_id__gte=first_message(now), finished_at__gt=now - DAY, state__in=states)
    counted = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    return {state: counted.get(state.value, 0) for state in states}


def words(span: timedelta) -> str:
    """A span as people say it: `8 s`, `3 min`, `2 h 05 min`, `4 days`."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes < 2880 else f"{minutes // 1440} days"
