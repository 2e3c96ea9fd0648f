"""Publishing: its cost against the bare INSERT (P1), its growth (P2), and the first mail's way (P8)."""

import statistics
import time
from collections.abc import Callable, Iterator

from django.db import transaction
from django.db.models import Value

from bench import data, options, report
from bench.database import empty_ledger, fresh_database, number, run
from bench.mailroom import Postbox, lane_running, postbox
from bench.report import Measure, medians
from comms import audience, fanout
from comms.choices import Lane
from comms.models import Delivery, Incident
from comms.models.delivery import UNFINISHED
from customers import clock
from customers.models import Component, User

ROUNDS, ROUNDS_OF_FEW, ROUNDS_OF_A_MILLION = 7, 25, 3
SMALL, MEDIUM, LARGE, MILLION = 1_000, 10_000, 100_000, 1_000_000
NOBODYS_MESSAGE = 10**9  # the ledger's keys carry no constraint
LIMIT_SECONDS = 1.0  # P8


def measures(*, mails: int, large: int, million: bool) -> Iterator[Measure]:
    author = data.author()
    data.grow_to(MEDIUM)
    few_of_few = _fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW)
    with postbox() as box, lane_running(Lane.CRITICAL, box.port):
        yield from _first_mail(box, author, mails)
    data.grow_to(large)
    all_of_many = data.component_for(large)
    yield from _against_insert(all_of_many, author, large, goal=1.5, rounds=ROUNDS)
    few_of_many, many = _fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW), _fan_out_time(all_of_many, ROUNDS)
    yield _per_row(few_of_many, SMALL, many, large, ROUNDS)
    yield _among(few_of_many, few_of_few, large)
    yield _again(all_of_many)
    if million:
        yield from _million(author, few_of_few, many)


def _million(author: User, few_of_few: float, many: float) -> Iterator[Measure]:
    data.grow_to(MILLION)
    everybody = data.component_for(MILLION)
    yield from _against_insert(everybody, author, MILLION, goal=1.6, rounds=ROUNDS_OF_A_MILLION)
    yield _among(_fan_out_time(data.component_for(SMALL), ROUNDS_OF_FEW), few_of_few, MILLION)
    yield _per_row(_fan_out_time(everybody, ROUNDS_OF_A_MILLION), MILLION, many, LARGE, ROUNDS_OF_A_MILLION)


def _against_insert(
    component: Component, author: User, recipients: int, *, goal: float, rounds: int
) -> Iterator[Measure]:
    """P1, and the half of P8 that is about publishing alone: both tracks, committed."""
    drafts: list[Incident] = []

    def prepare() -> None:
        empty_ledger()
        drafts.append(data.draft(component))

    def ours() -> None:
        data.publish(drafts[-1], author)

    inserts = _bare_inserts(data.draft(component))

    def bare() -> None:
        with transaction.atomic():
            for statement, params in inserts:
                run(statement, *params)

    published, inserted = medians(rounds, (prepare, ours), (empty_ledger, bare))
    _expect(Delivery.objects.count(), recipients)
    more = {"recipients": recipients}
    yield Measure(f"publish {recipients:,}", published * 1e3, inserted * 1e3, goal, "ms", rounds, more, id="P1")
    if recipients <= LARGE:
        yield Measure(f"publish {recipients:,} in 1 s", published, LIMIT_SECONDS, 1.0, "s", rounds, more, id="P8")


def _bare_inserts(incident: Incident) -> list[tuple[str, tuple[object, ...]]]:
    """The same rows by the audience's SQL, without messages, promises, doorbells or the question whether they exist."""
    inserts = []
    now = clock.now()
    for track in data.TRACKS:
        points = audience.of_incident(incident, track, now).order_by()
        rows = points.values_list(Value(NOBODYS_MESSAGE), "pk", "kind", Value(Lane.CRITICAL.value), Value(now))
        select, params = rows.query.sql_with_params()
        inserts.append((f"{fanout.INSERT} {select}", params))
    return inserts


def _fan_out_time(component: Component, rounds: int) -> float:
    """Seconds of comms.fanout alone for both tracks. Its commit, alike for one row and for many, is left out."""
    messages = data.messages_without_deliveries(data.draft(component))

    def call() -> None:
        for message in messages:
            fanout.fan_out(message, now=clock.now())

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
    """P2: the same message fanned out once more adds nothing."""
    message = data.messages_without_deliveries(data.draft(component))[0]
    added: list[int] = []
    fan_out: Callable[[], None] = lambda: added.append(fanout.fan_out(message, now=clock.now()))  # noqa: E731
    again, first = medians(ROUNDS, (lambda: None, fan_out), (empty_ledger, fan_out))
    return Measure("publish again", again * 1e3, first * 1e3, 0.6, "ms", ROUNDS, {"rows": added[-2]}, id="P2")


def _first_mail(box: Postbox, author: User, mails: int) -> Iterator[Measure]:
    """P8, seen at the sink: from the call to its return, from there to the first mail, and to the last of them."""
    everybody, few = data.component_for(mails), data.component_for(10)
    _sent(box, few, author, 10)  # the lane is up when these have come
    seen = [_sent(box, everybody, author, mails) for _ in range(ROUNDS)]
    returned, first, last = (statistics.median(column) for column in zip(*seen, strict=True))
    more = {"recipients": mails, "last_mail": round(last, 2), "mails_per_second": round(mails / last)}
    yield Measure(
        f"publish {mails:,} in 1 s", returned, LIMIT_SECONDS, 1.0, "s", ROUNDS, {"recipients": mails}, id="P8"
    )
    yield Measure("first mail in 1 s", first, LIMIT_SECONDS, 1.0, "s", ROUNDS, more, id="P8")


def _sent(box: Postbox, component: Component, author: User, mails: int) -> tuple[float, float, float]:
    """Seconds to the call's return, and from the return to the first and to the last mail."""
    incident = data.draft(component)
    box.expect(mails)
    began = time.monotonic()
    data.publish(incident, author)
    returned = time.monotonic()
    arrival = box.arrival()
    while number("SELECT count(*) FROM comms_delivery WHERE state = ANY(%s)", [str(s) for s in UNFINISHED]):
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
