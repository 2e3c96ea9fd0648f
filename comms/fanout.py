"""A message becomes deliveries: one INSERT ... SELECT, whatever the number of recipients (P1)."""

from datetime import datetime

from django.db import connection
from django.db.models import Value

from comms import audience
from comms.models import Message

INSERT = "INSERT INTO comms_delivery (message_id, contact_point_id, lane, due_at)"


def fan_out(message: Message, *, now: datetime) -> int:
    """Give every contact point of the audience one delivery; again adds none. Returns how many were added."""
    rows = (
        audience.of_message(message, now=now)
        .order_by()
        .values_list(Value(message.pk), "pk", Value(message.lane), Value(now))
    )
    if rows.query.is_empty():
        return 0
    select, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{INSERT} {select} ON CONFLICT (message_id, contact_point_id) DO NOTHING", params)
        return int(cursor.rowcount)
