"""Publishing: its cost against the bare INSERT (P1), its growth (P2), and the first mail's way (P8)."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django_q.models import OrmQ

from bench import data, options, report
from bench.database import empty_ledger, fresh_database, number, run
from bench.mailroom import Postbox, lane_running, postbox
from bench.report import Measure, medians
from comms import audience, fanout
from comms.actions import publishing
from comms.choices import DeliveryState, Lane
from comms.models import Delivery, FanOutRange, Incident, Message
from comms.models.delivery import UNFINISHED
from customers import clock
from customers.models import Component, User

ROUNDS, ROUNDS_OF_FEW, ROUNDS_OF_MANY = 7, 25, 3
SMALL, MEDIUM, LARGE, MILLION = 1_000, 10_000, 100_000, 1_000_000
NOBODYS_MESSAGE = 10**9  # the ledger's keys carry no constraint
LIMIT_SECONDS = 1.0  # P8


def measures(*, mails: int, large: int, million: bool) -> Iterator[Measure]:
    author = data.author()
    data.grow_to(MEDIUM)
    few_of_few = _fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW)
    with lanes_and_sink() as box:
        yield from _first_mail(box, author, mails)
    data.grow_to(large)
    with lanes_and_sink() as box:
        yield from _first_of_many(box, author, large)
    all_of_many = data.component_for(large)
    yield from _against_insert(all_of_many, author, large, goal=1.5, rounds=ROUNDS)
    few_of_many, many = _fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW), _fan_out_time(all_of_many, ROUNDS)
    yield _per_row(few_of_many, SMALL, many, large, ROUNDS)
    yield _among(few_of_many, few_of_few, large)
    yield _again(all_of_many)
    if million:
        yield from _million(author, few_of_few, many)


@contextmanager
def lanes_and_sink() -> Iterator[Postbox]:
    """The lane that sends and the one that queues ranges, as they run in production."""
    with postbox() as box, lane_running(Lane.CRITICAL, box.port), lane_running(Lane.NORMAL, box.port):
        yield box


def _million(author: User, few_of_few: float, many: float) -> Iterator[Measure]:
    data.grow_to(MILLION)
    everybody = data.component_for(MILLION)
    yield from _against_insert(everybody, author, MILLION, goal=1.6, rounds=ROUNDS_OF_MANY)
    yield _among(_fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW), few_of_few, MILLION)
    yield _per_row(_fan_out_time(everybody, ROUNDS_OF_MANY), MILLION, many, LARGE, ROUNDS_OF_MANY)


def _against_insert(
    component: Component, author: User, recipients: int, *, goal: float, rounds: int
) -> Iterator[Measure]:
    """P1: all ranges, committed one by one, against one bare INSERT. And the half of P8 that is the call's return."""
    drafts: list[Incident] = []
    returned: list[float] = []

    def prepare() -> None:
        empty_ledger()
        drafts.append(data.draft(component))

    def ours() -> None:
        began = time.perf_counter()
        data.publish(drafts[-1], author)
        returned.append(time.perf_counter() - began)
        while publishing.fan_out_next():
            pass

    statement, params = _bare_insert(data.draft(component))

    def bare() -> None:
        with transaction.atomic():
            run(statement, *params)

    published, inserted = medians(rounds, (prepare, ours), (empty_ledger, bare))
    _expect(Delivery.objects.count(), recipients)
    chunks = 1 + FanOutRange.objects.filter(update__incident=drafts[-1]).count()
    more = {"recipients": recipients, "chunks": chunks}
    yield Measure(f"publish {recipients:,}", published * 1e3, inserted * 1e3, goal, "ms", rounds, more, id="P1")
    call = statistics.median(returned[1:])
    more |= {} if recipients <= LARGE else {"goal_is_for": LARGE}
    yield Measure(f"publish {recipients:,} in 1 s", call, LIMIT_SECONDS, 1.0, "s", rounds, more, id="P8")


def _bare_insert(incident: Incident) -> tuple[str, tuple[object, ...]]:
    """The same rows by the audience's SQL, without messages, promises, doorbells or the question whether they exist."""
    (update,) = {message.update for message in _messages(incident)}
    points = audience.of_update(update).filter(contact__effective_track__in=data.TRACKS).order_by()
    columns = (Value(NOBODYS_MESSAGE), "pk", "kind", Value(Lane.CRITICAL.value), Value(update.published_at))
    rows = points.values_list(*columns, Value(DeliveryState.QUEUED.value), Value(""))
    select, params = rows.query.sql_with_params()
    return f"{fanout.INSERT} {select}", params


def _messages(incident: Incident) -> list[Message]:
    """Published, and nothing of it queued or waiting to be."""
    messages = data.messages_without_deliveries(incident)
    FanOutRange.objects.all().delete()
    return messages


def _fan_out_time(component: Component, rounds: int) -> float:
    """Seconds of comms.fanout alone for both tracks. Its commit, alike for one row and for many, is left out."""
    messages = _messages(data.draft(component))
    update = messages[0].update

    def call() -> None:
        for accounts in fanout.ranges_of(update, size=settings.FANOUT_RANGE_ACCOUNTS) or [None]:
            fanout.fan_out_update(update, messages, now=clock.now(), accounts=accounts)

    return _timed_in_transaction(call, rounds)


def _timed_in_transaction(call: Callable[[], None], rounds: int) -> float:
    times = []
    for count in range(rounds + 1):
        empty_ledger()
        with transaction.atomic():
            began = time.perf_counter()
            call()
            taken = time.perf_counter() - began
        if count:
            times.append(taken)
    return statistics.median(times)


def _per_row(seconds: float, rows: int, other_seconds: float, other_rows: int, rounds: int) -> Measure:
    """P2: whichever costs more per row, against the other."""
    costs = sorted([seconds / rows * 1e6, other_seconds / other_rows * 1e6])
    more = {f"us_per_row_{rows}": round(seconds / rows * 1e6, 2)}
    more[f"us_per_row_{other_rows}"] = round(other_seconds / other_rows * 1e6, 2)
    return Measure(f"per row, {rows:,} and {other_rows:,}", costs[1], costs[0], 2.0, "us", rounds, more, id="P2")


def _among(seconds: float, reference: float, contacts: int) -> Measure:
    name = f"{SMALL:,} of {contacts:,} and of {MEDIUM:,}"
    return Measure(name, seconds * 1e3, reference * 1e3, 3.0, "ms", ROUNDS_OF_FEW, {"goal_is_for": MILLION}, id="P2")


def _again(component: Component) -> Measure:
    """P2: the same update fanned out once more adds nothing."""
    messages = _messages(data.draft(component))
    update = messages[0].update
    added: list[int] = []

    def fan_out() -> None:
        added.append(sum(fanout.fan_out_update(update, messages, now=clock.now()).values()))

    again, first = medians(ROUNDS, (lambda: None, fan_out), (empty_ledger, fan_out))
    return Measure("publish again", again * 1e3, first * 1e3, 0.6, "ms", ROUNDS, {"rows": added[-2]}, id="P2")


def _first_mail(box: Postbox, author: User, mails: int) -> Iterator[Measure]:
    """P8, seen at the sink: from the call to its return, from there to the first mail, and to the last of them."""
    everybody, few = data.component_for(mails), data.component_for(10)
    _sent(box, few, author, 10)  # the lanes are up when these have come
    seen = [_sent(box, everybody, author, mails) for _ in range(ROUNDS)]
    returned, first, last = (statistics.median(column) for column in zip(*seen, strict=True))
    sent = {"recipients": mails, "last_mail": round(last, 2), "mails_per_second": round(mails / last)}
    more = {"recipients": mails}
    yield Measure(f"publish {mails:,} beside lanes", returned, LIMIT_SECONDS, 1.0, "s", ROUNDS, more, id="P8")
    yield Measure(f"first mail of {mails:,} in 1 s", first, LIMIT_SECONDS, 1.0, "s", ROUNDS, sent, id="P8")


def _first_of_many(box: Postbox, author: User, mails: int) -> Iterator[Measure]:
    """P8 of an audience in ranges: the others are queued while the first mails leave. The rest is not waited for."""
    everybody = data.component_for(mails)
    seen = [_begun(box, everybody, author) for _ in range(1 + ROUNDS_OF_MANY)][1:]
    returned, first = (statistics.median(column) for column in zip(*seen, strict=True))
    more, rounds = {"recipients": mails}, ROUNDS_OF_MANY
    yield Measure(f"publish {mails:,} beside lanes", returned, LIMIT_SECONDS, 1.0, "s", rounds, more, id="P8")
    yield Measure(f"first mail of {mails:,} in 1 s", first, LIMIT_SECONDS, 1.0, "s", rounds, more, id="P8")


def _begun(box: Postbox, component: Component, author: User) -> tuple[float, float]:
    """Seconds to the call's return and from there to the first mail; then all others are taken away."""
    incident = data.draft(component)
    box.expect(1)
    began = time.monotonic()
    data.publish(incident, author)
    returned = time.monotonic()
    first = box.arrival().first
    while FanOutRange.objects.filter(queued_at=None).exists():
        time.sleep(0.01)
    empty_ledger()
    while OrmQ.objects.exists():  # until the lane has heard that nothing is left
        time.sleep(0.01)
    return returned - began, first - returned


def _sent(box: Postbox, component: Component, author: User, mails: int) -> tuple[float, float, float]:
    """Seconds to the call's return, and from the return to the first and to the last mail."""
    incident = data.draft(component)
    box.expect(mails)
    began = time.monotonic()
    data.publish(incident, author)
    returned = time.monotonic()
    arrival = box.arrival()
    while number(
        "SELECT count(*) FROM comms_delivery WHERE finished_at IS NULL AND state = ANY(%s)",
        [str(s) for s in UNFINISHED],
    ):
        time.sleep(0.01)
    accepted = Delivery.objects.filter(message__incident=incident, state="accepted").count()
    _expect(accepted, mails)
    return returned - began, arrival.first - returned, arrival.last - returned


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise AssertionError(f"{found} deliveries, not {wanted}: what was measured is not what was meant")


def main() -> None:
    parser = options.parser("bench.publish", __doc__)
    parser.add_argument("--million", action="store_true", help="also with 1,000,000 contacts (some minutes)")
    given = parser.parse_args()
    sizes = {"mails": SMALL, "large": 2 * MEDIUM} if given.quick else {"mails": MEDIUM, "large": LARGE}
    with fresh_database():
        report.say(measures(**sizes, million=given.million))


if __name__ == "__main__":
    main()
