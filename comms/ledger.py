"""The ledger's raw SQL: claim, mark, record. Every write is fenced by the attempt number.

A row goes queued -> claimed -> started -> accepted, failed or queued again. A lease that ran out at *claimed* was
certainly not sent; at *started* nobody knows: it is counted as uncertain and sent once more with its Message-ID.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction

from comms.choices import DeliveryState, Lane
from customers.choices import TransportKind

LEASE = timedelta(seconds=90) / settings.TIME_SCALE
DEAD_AFTER = 5  # leases lost in a row of attempts: the row kills its workers (R21)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in our hands, with all that its mail needs. `address` is None where the contact point is gone."""

    id: int
    attempt: int
    message_id: int
    contact_point_id: int
    kind: str
    address: str | None
    secret: str
    suppressed: bool
    name: str
    account_id: int | None
    account: str
    zone: str
    first_attempt_at: datetime
    uncertain_attempts: int
    follows: bool
    """An update of an incident that has several: others to the same address may be waiting or leaving."""
    shared: bool
    """Other contact points have the same mailbox: a person of several accounts (E6)."""
    merges: bool
    """May share a mail with other messages to the same mailbox."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How an attempt ended. `due_at` is the next attempt's time where it is queued again."""

    id: int
    attempt: int
    state: DeliveryState
    code: int | None
    reply: str
    due_at: datetime | None = None
    uncertain: bool = False


WAITING = "state IN ('queued', 'claimed', 'started') AND (state = 'queued' OR leased_until < %(now)s)"
ENDS = """state <> 'queued' AND lost_leases + 1 >= %(dead)s AS dead,
           state = 'started' AND (kind = 'sms' OR kind <> 'webhook' AND uncertain_attempts > 0) AS doubted"""
DUE = f"""
    SELECT id, {ENDS} FROM comms_delivery
    WHERE lane = %(lane)s AND finished_at IS NULL AND {WAITING} AND due_at <= %(now)s AND NOT (kind = ANY(%(resting)s))
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""  # noqa: S608  put together from our own text
MATES = f"""
    SELECT id, {ENDS} FROM comms_delivery
    WHERE {WAITING} AND id IN (
        SELECT o.id FROM comms_delivery d
        JOIN comms_message m ON m.id = d.message_id
        JOIN customers_contactpoint p ON p.id = d.contact_point_id
        JOIN customers_contactpoint q ON q.kind = 'email' AND lower(q.address) = lower(p.address)
        JOIN comms_message n ON n.id = m.id OR (m.merges AND n.merges
             AND n.created_at > m.created_at - %(burst)s * interval '1 second'
             AND n.variant = m.variant AND n.language = m.language)
        JOIN comms_delivery o ON o.message_id = n.id AND o.contact_point_id = q.id
        WHERE d.id = ANY(%(ids)s) AND o.lane = %(lane)s AND (o.due_at <= %(now)s OR n.merges
              AND o.attempts = 0 AND o.due_at <= n.created_at + %(burst)s * interval '1 second')
    ) FOR UPDATE SKIP LOCKED
"""  # noqa: S608
TAKE_PICKED = """
WITH picked AS ({picked}), claimed AS (
    UPDATE comms_delivery d SET
        state = CASE WHEN picked.doubted THEN 'uncertain' WHEN picked.dead THEN 'failed' ELSE 'claimed' END,
        reply = CASE WHEN picked.doubted THEN 'twice nobody knows whether it arrived'
                WHEN picked.dead THEN 'given up: five workers died while sending it' ELSE d.reply END,
        finished_at = CASE WHEN picked.dead OR picked.doubted THEN %(now)s END,
        leased_until = CASE WHEN picked.dead OR picked.doubted THEN NULL ELSE %(lease)s END,
        lost_leases = d.lost_leases + (d.state <> 'queued')::int,
        uncertain_attempts = d.uncertain_attempts + (d.state = 'started')::int,
        attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, %(now)s), bundle = NULL
    FROM picked WHERE d.id = picked.id
    RETURNING d.id, d.attempts, d.message_id, d.contact_point_id, d.kind, d.state, d.first_attempt_at,
              d.uncertain_attempts
)
SELECT c.id, c.attempts, c.message_id, c.contact_point_id, c.kind, p.address,
       coalesce(p.secret, ''), p.suppressed_at IS NOT NULL
       OR (m.update_id IS NOT NULL AND p.unsubscribed_at IS NOT NULL),
       coalesce(k.name, u.name, ''), a.id, coalesce(a.name, ''),
       coalesce(nullif(k.timezone, ''), a.timezone, u.timezone, 'UTC'), c.first_attempt_at,
       c.uncertain_attempts, m.update_id IS NOT NULL AND coalesce(i.sequence > 1, false),
       c.kind = 'email' AND EXISTS (SELECT FROM customers_contactpoint q
       WHERE q.kind = 'email' AND lower(q.address) = lower(p.address) AND q.id <> p.id), c.kind = 'email' AND m.merges
FROM claimed c
JOIN comms_message m ON m.id = c.message_id
LEFT JOIN comms_incident i ON i.id = m.incident_id
LEFT JOIN customers_contactpoint p ON p.id = c.contact_point_id
LEFT JOIN customers_contact k ON k.id = p.contact_id
LEFT JOIN customers_account a ON a.id = k.account_id
LEFT JOIN customers_user u ON u.id = p.user_id
WHERE c.state = 'claimed'
ORDER BY c.id
"""
CLAIM, CLAIM_MATES = TAKE_PICKED.format(picked=DUE), TAKE_PICKED.format(picked=MATES)


@transaction.atomic
def claim(
    lane: Lane,
    *,
    now: datetime,
    limit: int,
    resting: Sequence[TransportKind] = (),
    burst: timedelta = timedelta(0),
) -> list[Claimed]:
    """Take up to `limit` due rows of a lane for ourselves: leased, attempts counted, committed when this returns.

    Channels that are `resting` (their breaker is open) are left where they are. What can share a mail with one of the
    rows comes with them, also beyond the limit: the same message to the same mailbox, and messages that merge of the
    last `burst`. Only one worker of a lane claims at a time, so that no two of them get parts of one mail.
    """
    values: dict[str, Any] = {
        "lane": lane,
        "now": now,
        "limit": limit,
        "lease": now + LEASE,
        "dead": DEAD_AFTER,
        "resting": [kind.value for kind in resting],
        "burst": burst.total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"claim {lane}"])
        cursor.execute(CLAIM, values)
        rows = [Claimed(*row) for row in cursor.fetchall()]
        if sharing := [row.id for row in rows if row.shared or row.merges]:
            cursor.execute(CLAIM_MATES, {**values, "ids": sharing})
            rows += [Claimed(*row) for row in cursor.fetchall()]
    return rows


BUNDLE = """
UPDATE comms_delivery d SET bundle = o.lead
FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) AS o(id, attempt, lead) WHERE d.id = o.id AND d.attempts = o.attempt
"""


def bundle(lead: Claimed, rows: Sequence[Claimed]) -> None:
    """Keep that these rows go out in the mail of `lead`, one of them."""
    with connection.cursor() as cursor:
        cursor.execute(BUNDLE, [[r.id for r in rows], [r.attempt for r in rows], [lead.id] * len(rows)])


ORDER = """
SELECT d.id, max(u.number) FILTER (WHERE u.number > own.number), coalesce(
           bool_or(o.state IN ('claimed', 'started') AND o.leased_until >= %(now)s AND u.number < own.number
                   AND NOT o.id = ANY(%(ours)s)), false)
FROM unnest(%(ids)s::bigint[]) AS mine(id)
JOIN comms_delivery d ON d.id = mine.id
JOIN comms_message m ON m.id = d.message_id
JOIN comms_incidentupdate own ON own.id = m.update_id
JOIN comms_delivery o ON o.contact_point_id = d.contact_point_id AND o.id <> d.id
JOIN comms_message n ON n.id = o.message_id
JOIN comms_incidentupdate u ON u.id = n.update_id AND u.incident_id = own.incident_id
GROUP BY d.id
"""


@dataclass(frozen=True, slots=True)
class Order:
    """How a delivery stands among those of its incident to the same address."""

    newer: int | None
    """The number of a later update that the same address gets: this one is out of date."""
    older_leaving: bool
    """An earlier one is being sent at this moment by somebody else: this one must not overtake it."""


def order_of(ids: Sequence[int], *, now: datetime, ours: Sequence[int] = ()) -> dict[int, Order]:
    """Per delivery that has company of its incident at its address: how it stands in the order.

    `ours` are all that we hold: an older one among them gives way by itself, so nobody waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(ORDER, {"ids": list(ids), "ours": list(ours), "now": now})
        return {row[0]: Order(row[1], row[2]) for row in cursor.fetchall()}


class LeaseLost(Exception):
    """Another worker has taken a row over: nothing of it may be sent from here."""


RECORD = """
UPDATE comms_delivery d SET
    state = o.state, code = o.code, reply = o.reply, due_at = coalesce(o.due_at, d.due_at), leased_until = NULL,
    uncertain_attempts = d.uncertain_attempts + o.uncertain::int,
    finished_at = CASE WHEN o.state = 'queued' THEN NULL ELSE clock_timestamp() END
FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::bool[])
    AS o(id, attempt, state, code, reply, due_at, uncertain)
WHERE d.id = o.id AND d.attempts = o.attempt AND d.state IN ('claimed', 'started')
"""


def record(settled: Sequence[Settled]) -> int:
    """Write how attempts ended; a row that another attempt has taken since is left alone. Returns rows written."""
    if not settled:
        return 0
    with connection.wrap_database_errors, _planned_once() as cursor:
        return cursor.execute(RECORD, _columns(settled)).rowcount


def _planned_once() -> psycopg.Cursor:
    """For what is asked many times a second: the server keeps the plan, which takes it longer to make than to follow.

    Django's own cursors put the values into the text, so that each statement is a new one. DATABASE_PREPARE=0: no plan
    is kept.
    """
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


def _columns(settled: Sequence[Settled]) -> list[str]:
    return [
        _array(s.id for s in settled),
        _array(s.attempt for s in settled),
        _array(s.state.value for s in settled),
        _array(s.code for s in settled),
        _array(s.reply[:300] for s in settled),
        _array(s.due_at for s in settled),
        _array(s.uncertain for s in settled),
    ]


def _array(values: Iterable[object]) -> str:
    """As PostgreSQL reads an array; psycopg's way over a type per element takes twice as long."""
    return "{" + ",".join(["NULL" if value is None else _quoted(str(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


MARK = f"""
WITH recorded AS ({RECORD}), ours AS (
    SELECT d.id FROM comms_delivery d JOIN unnest(%s::bigint[], %s::int[]) AS m(id, attempt) ON d.id = m.id
    WHERE d.attempts = m.attempt AND d.state = 'claimed' FOR UPDATE OF d
), marked AS (
    UPDATE comms_delivery d SET state = 'started' FROM ours
    WHERE d.id = ours.id AND (SELECT count(*) FROM ours) = %s RETURNING d.id
)
SELECT count(*) FROM marked
"""  # noqa: S608  put together from our own text


def mark_started(attempts: Sequence[tuple[int, int]], *, settled: Sequence[Settled] = ()) -> None:
    """Say of (id, attempt) pairs that their data may leave from now on; a synchronous commit, waited for.

    Outcomes that wait to be written go with it: one statement, because it is asked for once a round of sending.

    Raises:
        LeaseLost: a row is no longer ours; none is marked, the outcomes are written.
    """
    ids, numbers = _array(a[0] for a in attempts), _array(a[1] for a in attempts)
    with connection.wrap_database_errors, _planned_once() as cursor:
        found = cursor.execute(MARK, [*_columns(settled), ids, numbers, len(attempts)]).fetchone()
    if found != (len(attempts),):
        raise LeaseLost


def lanes_due(now: datetime) -> list[Lane]:
    """Lanes that have something to claim: dispatch rings for them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lane FROM (VALUES ('critical'), ('normal'), ('bulk')) AS l(lane) WHERE EXISTS ("
            " SELECT 1 FROM comms_delivery d WHERE d.lane = l.lane AND d.finished_at IS NULL"
            " AND d.state IN ('queued', 'claimed', 'started')"
            " AND d.due_at <= %s AND (d.state = 'queued' OR d.leased_until < %s))",
            [now, now],
        )
        return [Lane(row[0]) for row in cursor.fetchall()]


def identity() -> tuple[int, int, int]:
    """Which database this is: the server's system identifier, the database's oid, the server's timeline."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.system_identifier, d.oid::bigint, c.timeline_id"
            " FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d WHERE d.datname = current_database()"
        )
        row = cursor.fetchone()
        return row[0], row[1], row[2]


TAKE = """
WITH filled AS (
    SELECT name, rate, least(rate, tokens + rate * greatest(0, extract(epoch FROM %(now)s - coalesce(refilled_at,
           %(now)s - interval '1 s'))))::float AS tokens
    FROM comms_relay WHERE name = %(name)s FOR UPDATE
), granted AS (
    SELECT name, tokens, greatest(0, least(%(wanted)s, floor(tokens - rate * %(reserve)s)))::int AS n FROM filled
)
UPDATE comms_relay r SET tokens = granted.tokens - granted.n, refilled_at = %(now)s
FROM granted WHERE r.name = granted.name RETURNING granted.n
"""


def take_tokens(relay: str, wanted: int, *, reserve: float) -> int:
    """How many of `wanted` mails may leave now by the relay's rate; a share of a second's mails is left as reserve."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
        cursor.execute(TAKE, {"name": relay, "wanted": wanted, "reserve": reserve, "now": now})
        return int(cursor.fetchone()[0])


REQUEUE = """
UPDATE comms_delivery SET state = 'queued', due_at = %(now)s, finished_at = NULL, first_attempt_at = NULL
WHERE id = %(id)s AND (state = ANY(%(states)s) OR (state = 'queued' AND attempts > 0))
RETURNING lane
"""


def requeue(delivery_id: int, *, states: Sequence[DeliveryState], now: datetime) -> Lane | None:
    """Due at once: a row that ended in one of `states`, or one that waits for its next attempt. None: it is neither.

    Its attempts are kept, because they fence; patience begins anew, because a person has asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(REQUEUE, {"id": delivery_id, "states": [state.value for state in states], "now": now})
        row = cursor.fetchone()
        return None if row is None else Lane(row[0])
