"""The ledger's raw SQL for what is reported after a mail was accepted: delivered, or come back."""

from django.db import connection

from comms.choices import DeliveryState

# From which states a report may lead on. One that came back stays so, whatever is reported afterwards.
LEADS_ON = {
    DeliveryState.DELIVERED: (DeliveryState.ACCEPTED,),
    DeliveryState.BOUNCED: (DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.UNCERTAIN),
}

# Rows that shared the mail went to the same mailbox: they are found by the indexes of addresses and contact points.
APPLY = """
UPDATE comms_delivery d SET state = %(state)s, reply = coalesce(nullif(%(reply)s, ''), d.reply),
    code = CASE WHEN %(reply)s = '' THEN d.code END
WHERE d.state = ANY(%(leads_on)s) AND d.id IN (
    SELECT coalesce(m.bundle, m.id) FROM comms_delivery m WHERE m.id = %(id)s
    UNION ALL
    SELECT o.id FROM comms_delivery m
    JOIN customers_contactpoint p ON p.id = m.contact_point_id
    JOIN customers_contactpoint q ON lower(q.address) = lower(p.address) AND q.kind = 'email'
    JOIN comms_delivery o ON o.contact_point_id = q.id AND o.bundle = coalesce(m.bundle, m.id)
    WHERE m.id = %(id)s
)
"""


def apply(delivery_id: int, state: DeliveryState, *, reply: str = "") -> int:
    """Lead a delivery, and all that went out in the same mail, on to `state`. Returns the rows that changed.

    `finished_at` stays: it is when the mail was accepted. An empty `reply` leaves what the relay said.
    """
    values: dict[str, int | str | list[str]] = {
        "id": delivery_id,
        "state": state.value,
        "reply": reply[:300],
        "leads_on": [earlier.value for earlier in LEADS_ON[state]],
    }
    with connection.cursor() as cursor:
        cursor.execute(APPLY, values)
        return int(cursor.rowcount)
