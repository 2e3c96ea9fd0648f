"""The ledger alone (P3): rows claimed and recorded a second, against the barest SQL that does it, and as it grows."""

import argparse
from collections.abc import Callable, Iterator

from django.db import connection

from bench import data, report
from bench.database import fresh_database, number, run
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
FROM generate_series(1, %s) AS n
"""
BARE_CLAIM = """
UPDATE comms_delivery SET state = 'claimed', leased_until = now() + interval '90 s', attempts = attempts + 1
WHERE id IN (SELECT id FROM comms_delivery WHERE lane = 'critical' AND state = 'queued' AND due_at <= now()
             ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""
BARE_DONE = "UPDATE comms_delivery SET state = 'accepted', finished_at = now() WHERE id = ANY(%s)"
NOBODYS_MESSAGE = 10**9  # the ledger's keys carry no constraint


def measures(*, million: bool) -> Iterator[Measure]:
    data.grow_to(ROWS)
    message = _message()

    def prepare() -> None:
        run("DELETE FROM comms_delivery WHERE message_id = %s", message.pk)
        run("VACUUM comms_delivery")
        run(QUEUE, message.pk, ROWS)
        run("CHECKPOINT")

    ours, bare = medians(ROUNDS, (prepare, _checked(_claim_and_record)), (prepare, _checked(_bare)))
    more = {"rows": ROWS, "batch": BATCH}
    rate = ROWS / ours
    yield Measure("claim + record", rate, GOAL_ROWS, 1.0, "rows/s", ROUNDS, more, at_least=True)
    yield Measure("... of bare SQL", rate, ROWS / bare, GOAL_OF_BARE, "rows/s", ROUNDS, more, at_least=True)
    for kept in [KEPT, MILLION] if million else [KEPT]:
        run(KEEP, NOBODYS_MESSAGE, kept - number("SELECT count(*) FROM comms_delivery WHERE state = 'accepted'"))
        run("VACUUM ANALYZE comms_delivery")
        (grown,) = medians(ROUNDS, (prepare, _checked(_claim_and_record)))
        more = {"rows": ROWS, "batch": BATCH, "goal_is_for": MILLION}
        yield Measure(f"... with {kept:,} sent", ROWS / grown, rate, GOAL_KEPT, "rows/s", ROUNDS, more, at_least=True)


def _message() -> Message:
    """That an update of an incident has, as most rows have."""
    return data.messages_without_deliveries(data.draft(data.component_for(ROWS)))[0]


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


def _checked(call: Callable[[], int]) -> Callable[[], None]:
    def checked() -> None:
        if (done := call()) != ROWS:
            raise AssertionError(f"{done} rows, not {ROWS}: what was measured is not what was meant")

    return checked


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--million", action="store_true", help="also with 1,000,000 sent rows")
    options = parser.parse_args()
    with fresh_database():
        report.say(measures(million=options.million))


if __name__ == "__main__":
    main()
