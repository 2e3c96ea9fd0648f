"""A message becomes deliveries: one INSERT ... SELECT, whatever the number of recipients (P1)."""

from datetime import datetime

from django.db import connection
from django.db.models import Value

from comms import audience
from comms.models import Message

INSERT = "INSERT INTO comms_delivery (message_id, contact_point_id, kind, lane, due_at)"
QUIET_SEVERITY = 4  # from here on quiet hours count only where the contact asked for it (A2)


def fan_out(message: Message, *, now: datetime) -> int:
    """Give every contact point of the audience one delivery; again adds none. Returns how many were added."""
    rows = (
        audience.of_message(message, now=now)
        .order_by()
        .values_list(Value(message.pk), "pk", "kind", Value(message.lane), Value(now))
    )
    if rows.query.is_empty():
        return 0
    select, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{INSERT} {select} ON CONFLICT (message_id, contact_point_id) DO NOTHING", params)
        added = int(cursor.rowcount)
    if message.update is not None:
        keep_quiet(message, even_always=message.update.severity >= QUIET_SEVERITY, now=now)
    return added


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
    WHERE k.quiet_from IS NOT NULL AND (k.quiet_always OR NOT %(only_always)s)
      AND CASE WHEN k.quiet_from < k.quiet_until
          THEN clock.here::time >= k.quiet_from AND clock.here::time < k.quiet_until
          ELSE clock.here::time >= k.quiet_from OR clock.here::time < k.quiet_until END
)
UPDATE comms_delivery d SET due_at = sleeping.wakes
FROM sleeping
WHERE d.message_id = %(message)s AND d.contact_point_id = sleeping.id AND d.state = 'queued' AND d.attempts = 0
"""


def keep_quiet(message: Message, *, even_always: bool, now: datetime) -> int:
    """Deliveries to people in their quiet hours wait for the end of them; then only the newest leaves (E7).

    `even_always`: only those sleep on who asked for it also at this severity. Returns how many wait.
    """
    with connection.cursor() as cursor:
        cursor.execute(QUIET, {"now": now, "only_always": even_always, "message": message.pk})
        return int(cursor.rowcount)
