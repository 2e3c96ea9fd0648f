"""The ledger alone (P3): rows claimed and recorded a second, against the barest SQL that does it, and as it grows."""

from collections.abc import Callable, Iterator, Sequence

from django.db import connection

from bench import data, options, report
from bench.database import fresh_database, run
from bench.report import Measure, medians
from comms import ledger
from comms.choices import DeliveryState, Lane
from comms.ledger import Settled
from comms.models import Message
from customers import clock

ROUNDS = 7
ROWS, BATCH = 40_000, 400
KEPT, MILLION = 200_000, 1_000_000
GOAL_ROWS = 40_000  # a second, where the bare SQL does 64,000 to 72,000
GOAL_OF_BARE = 0.6
GOAL_KEPT = 0.8

QUEUE = """
INSERT INTO comms_delivery (message_id, contact_point_id, lane, due_at)
SELECT %s, id, 'critical', now() FROM customers_contactpoint ORDER BY id LIMIT %s
"""
KEEP = """
INSERT INTO comms_delivery (message_id, contact_point_id, lane, due_at, state, attempts, first_attempt_at,
    finished_at, code, reply)
SELECT %s + n / 50000, n %% 50000, 'critical', now() - interval '1 day', 'accepted', 1, now(), now(), 250, '2.0.0 taken'
FROM generate_series(%s, %s) AS n
"""
BARE_CLAIM = """
UPDATE comms_delivery SET state = 'claimed', leased_until = now() + interval '90 s', attempts = attempts + 1
WHERE id IN (SELECT id FROM comms_delivery WHERE lane = 'critical' AND state = 'queued' AND due_at <= now()
             ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""
BARE_DONE = "UPDATE comms_delivery SET state = 'accepted', finished_at = now() WHERE id = ANY(%s)"
NOBODYS_MESSAGE = 10**9  # the ledger's keys carry no constraint


def measures(rows: int, keep: Sequence[int], rounds: int) -> Iterator[Measure]:
    """`keep` are numbers of sent rows that lie there meanwhile, in rising order."""
    data.grow_to(rows)
    message = _message(rows)

    def prepare() -> None:
        run("DELETE FROM comms_delivery WHERE message_id = %s", message.pk)
        run("VACUUM comms_delivery")
        run(QUEUE, message.pk, rows)
        run("CHECKPOINT")

    ours, bare = medians(rounds, (prepare, _checked(_claim_and_record, rows)), (prepare, _checked(_bare, rows)))
    more = {"rows": rows, "batch": BATCH}
    rate = rows / ours
    yield Measure("claim + record", rate, GOAL_ROWS, 1.0, "rows/s", rounds, more, at_least=True, id="P3")
    name = "claim + record / bare SQL"
    yield Measure(name, rate, rows / bare, GOAL_OF_BARE, "rows/s", rounds, more, at_least=True, id="P3")
    there = 0
    for kept in keep:
        run(KEEP, NOBODYS_MESSAGE, there + 1, kept)
        there = kept
        run("VACUUM ANALYZE comms_delivery")
        (grown,) = medians(rounds, (prepare, _checked(_claim_and_record, rows)))
        more = {"rows": rows, "batch": BATCH, "goal_is_for": MILLION}
        name = f"claim + record, {kept:,} sent / none"
        yield Measure(name, rows / grown, rate, GOAL_KEPT, "rows/s", rounds, more, at_least=True, id="P3")


def _message(rows: int) -> Message:
    """That an update of an incident has, as most rows have."""
    return data.messages_without_deliveries(data.draft(data.component_for(rows)))[0]


def _claim_and_record() -> int:
    done = 0
    while batch := ledger.claim(Lane.CRITICAL, now=clock.now(), limit=BATCH):
        done += ledger.record(
            [Settled(row.id, row.attempt, DeliveryState.ACCEPTED, 250, "2.0.0 taken") for row in batch]
        )
    return done


def _bare() -> int:
    done = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(BARE_CLAIM, [BATCH])
            if not (batch := cursor.fetchall()):
                return done
            cursor.execute(BARE_DONE, [[row[0] for row in batch]])
            done += cursor.rowcount


def _checked(call: Callable[[], int], rows: int) -> Callable[[], None]:
    def checked() -> None:
        if (done := call()) != rows:
            raise AssertionError(f"{done} rows, not {rows}: what was measured is not what was meant")

    return checked


def main() -> None:
    quick = options.parser("bench.ledger", __doc__).parse_args().quick
    with fresh_database():
        report.say(measures(4_000, [20_000], 2) if quick else measures(ROWS, [KEPT, MILLION], ROUNDS))


if __name__ == "__main__":
    main()
