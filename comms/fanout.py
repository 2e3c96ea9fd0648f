"""Messages become deliveries: one INSERT ... SELECT, whatever the number of recipients (P1)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import Coalesce, NullIf

from comms import audience
from comms.audience import Accounts
from comms.choices import DeliveryState
from comms.models import IncidentUpdate, Message
from customers.choices import Language, TransportKind
from customers.models import ContactPoint

INSERT = "INSERT INTO comms_delivery (message_id, contact_point_id, kind, lane, due_at, state, reply)"
ONCE = "ON CONFLICT (message_id, contact_point_id) DO NOTHING"
COUNTING = """
WITH added AS ({insert} RETURNING message_id, kind)
SELECT message_id, kind, count(*) FROM added GROUP BY message_id, kind
"""
QUIET_SEVERITY = 4  # from here on quiet hours count only where the contact asked for it (A2)
LAST_ACCOUNT = 2**63 - 1
COUNTED = "all SMS of this update are counted before the first of them leaves"

Counts = Mapping[tuple[int, str], int]
"""Deliveries per message and channel."""


def fan_out(message: Message, *, now: datetime) -> int:
    """Give every contact point of the audience one delivery; again adds none. Returns how many were added."""
    points = audience.of_message(message)
    rows = _rows(points.annotate(text=Value(message.pk)), message, due_at=Value(now))
    added = sum(_insert(rows).values())
    if message.update is not None:
        keep_quiet(message.update, [message], now=now)
    return added


def fan_out_update(
    update: IncidentUpdate,
    messages: Sequence[Message],
    *,
    now: datetime,
    collect: timedelta = timedelta(0),
    accounts: Accounts | None = None,
    count_sms: bool = False,
) -> Counts:
    """Give every contact point that an update concerns a delivery of the one of its messages that the contact reads.

    One statement for all texts, so that each contact is judged once and reads one track, also if he is tagged anew
    at this moment; again adds none. `accounts`: only of this range. Mails that merge wait until `collect` after the
    publishing (E6). `count_sms`: no SMS leaves before `limit_sms`. Returns what was added.
    """
    points = audience.of_update(update, accounts).filter(contact__effective_track__in={m.variant for m in messages})
    at = update.published_at
    later = Case(When(kind=TransportKind.EMAIL, then=Value(at + collect)), default=Value(at)) if collect else Value(at)
    rows = _rows(_with_text(points, messages), messages[0], due_at=later, count_sms=count_sms)
    added = _insert(rows)
    keep_quiet(update, messages, now=now, accounts=accounts)
    return added


def _with_text(points: QuerySet[ContactPoint], messages: Sequence[Message]) -> QuerySet[Any]:
    """Each point with the message of its track and language; the default language takes all others, too (D8)."""
    reads = Coalesce(NullIf("contact__language", Value("")), F("contact__account__language"))
    languages = {message.language for message in messages} - {Language.ENGLISH}
    points = points.annotate(reads=reads) if languages else points
    return points.annotate(
        text=Case(
            *(
                When(contact__effective_track=m.variant, reads=m.language, then=Value(m.pk))
                for m in messages
                if m.language != Language.ENGLISH
            ),
            *(
                When(contact__effective_track=m.variant, then=Value(m.pk))
                for m in messages
                if m.language == Language.ENGLISH
            ),
        )
    )


def _rows(points: QuerySet[Any], message: Message, *, due_at: Any, count_sms: bool = False) -> QuerySet[Any, Any]:
    """The columns of INSERT. All texts of an update are of one lane."""
    state: Any = Value(DeliveryState.QUEUED.value)
    reply: Any = Value("")
    if count_sms:
        sms = {"kind": TransportKind.SMS}
        state = Case(When(**sms, then=Value(DeliveryState.SUPPRESSED.value)), default=state, output_field=CharField())
        reply = Case(When(**sms, then=Value(COUNTED)), default=reply, output_field=CharField())
    return points.order_by().values_list("text", "pk", "kind", Value(message.lane), due_at, state, reply)


def _insert(rows: QuerySet[Any, Any]) -> Counts:
    """Plainly first: to ask of each row whether it is there costs half as much again (P1), and hardly ever is one:
    where it is queued again, or a contact has moved to an account of a later range."""
    if rows.query.is_empty():
        return {}
    select, params = rows.query.sql_with_params()
    try:
        with transaction.atomic():
            return _counted(f"{INSERT} {select}", params)
    except IntegrityError:
        return _counted(f"{INSERT} {select} {ONCE}", params)


def _counted(insert: str, params: Sequence[Any]) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(COUNTING.format(insert=insert), params)
        return {(message, kind): count for message, kind, count in cursor.fetchall()}


ENDS = """
SELECT account_id FROM (
    SELECT account_id, row_number() OVER (ORDER BY account_id) AS place, count(*) OVER () AS accounts
    FROM ({select}) AS used GROUP BY account_id
) AS placed WHERE place %% %s = 0 OR place = accounts ORDER BY account_id
"""


def ranges_of(update: IncidentUpdate, *, size: int) -> list[Accounts]:
    """The update's audience in ranges of `size` accounts, by account; none where all of them fit into one."""
    accounts = audience.usage_at(update).order_by().values("account_id")
    if accounts[: size + 1].count() <= size:
        return []
    select, params = accounts.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(ENDS.format(select=select), [*params, size])
        ends = [row[0] for row in cursor.fetchall()]
    return list(zip([0, *(end + 1 for end in ends)], ends, strict=False))


LIMIT_SMS = """
WITH ranked AS (
    SELECT d.id, row_number() OVER (ORDER BY a.contract_value DESC NULLS LAST, a.id, d.id) > %(limit)s AS over
    FROM comms_delivery d
    LEFT JOIN customers_contactpoint p ON p.id = d.contact_point_id
    LEFT JOIN customers_contact k ON k.id = p.contact_id
    LEFT JOIN customers_account a ON a.id = k.account_id
    WHERE d.message_id = ANY(%(messages)s) AND d.kind = 'sms' AND d.attempts = 0
      AND (d.state = 'queued' OR (d.state = 'suppressed' AND d.reply = %(counted)s))
), settled AS (
    UPDATE comms_delivery d SET
        state = CASE WHEN ranked.over THEN 'suppressed' ELSE 'queued' END,
        reply = CASE WHEN ranked.over THEN %(reason)s ELSE '' END,
        finished_at = CASE WHEN ranked.over THEN %(now)s END
    FROM ranked WHERE d.id = ranked.id AND (ranked.over OR d.state = 'suppressed')
    RETURNING d.state
)
SELECT count(*) FILTER (WHERE state = 'suppressed') FROM settled
"""


def limit_sms(update: IncidentUpdate, messages: Sequence[Message], *, limit: int, now: datetime) -> int:
    """Let `limit` SMS of an update leave, those of the accounts of the highest contract value; hold back the others.

    Returns how many are held back (E8).
    """
    values: dict[str, int | str | bool | datetime | list[int]] = {
        "messages": [message.pk for message in messages],
        "limit": limit,
        "counted": COUNTED,
        "reason": f"over the limit of {limit:,} SMS an update, not confirmed",
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(LIMIT_SMS, values)
        held = int(cursor.fetchone()[0])
    keep_quiet(update, messages, now=now)
    return held


QUIET = """
WITH sleeping AS (
    SELECT p.id, (clock.here::date + k.quiet_until
           + CASE WHEN clock.here::time >= k.quiet_until THEN interval '1 day' ELSE interval '0' END)
           AT TIME ZONE coalesce(nullif(k.timezone, ''), a.timezone) AS wakes
    FROM customers_contact k
    JOIN customers_account a ON a.id = k.account_id
    JOIN customers_contactpoint p ON p.contact_id = k.id
    CROSS JOIN LATERAL (
        SELECT %(now)s::timestamptz AT TIME ZONE coalesce(nullif(k.timezone, ''), a.timezone) AS here
    ) AS clock
    WHERE k.quiet_from IS NOT NULL AND k.account_id BETWEEN %(first)s AND %(last)s
      AND (k.quiet_always OR NOT %(only_always)s)
      AND CASE WHEN k.quiet_from < k.quiet_until
          THEN clock.here::time >= k.quiet_from AND clock.here::time < k.quiet_until
          ELSE clock.here::time >= k.quiet_from OR clock.here::time < k.quiet_until END
)
UPDATE comms_delivery d SET due_at = sleeping.wakes
FROM sleeping
WHERE d.message_id = ANY(%(messages)s) AND d.contact_point_id = sleeping.id AND d.state = 'queued' AND d.attempts = 0
"""


def keep_quiet(
    update: IncidentUpdate, messages: Sequence[Message], *, now: datetime, accounts: Accounts | None = None
) -> None:
    """Deliveries to people in their quiet hours wait for the end of them; then only the newest leaves (E7).

    From QUIET_SEVERITY on only those sleep on who asked for it.
    """
    first, last = accounts or (0, LAST_ACCOUNT)
    values: dict[str, int | str | bool | datetime | list[int]] = {
        "now": now,
        "only_always": update.severity >= QUIET_SEVERITY,
        "messages": [message.pk for message in messages],
        "first": first,
        "last": last,
    }
    with connection.cursor() as cursor:
        cursor.execute(QUIET, values)
