"""What several tests of comms need: races on real threads, and rows moved in time instead of the clock."""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Min

from comms.choices import ImpactLevel, IncidentStatus, Variant
from comms.models import Delivery, Incident, IncidentImpact, IncidentUpdate, Message, Promise
from comms.rendering.mail import Affected, MailForm, Recipient
from customers.choices import Track
from customers.models import Company
from tests.factories import make_incident, publish, utc

MORNING = utc(2026, 11, 21, 9, 0)


def race(*calls: Callable[[], Any]) -> list[Any]:
    """Each call in a thread and a connection of its own, started together: what it returned or raised."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(30)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def overtake(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Run `second` while the transaction of `first` is open; that ends once the second waits for it or is done."""

    def run() -> Any:
        try:
            return second()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            running = pool.submit(run)
            while not running.done() and not _somebody_waits():
                wait([running], timeout=0.01)
        return running.result(30)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def told(update: IncidentUpdate) -> list[tuple[str, str]]:
    """(address, variant) of everybody to whom an update goes, in the order of addresses."""
    rows = Delivery.objects.filter(message__update=update)
    return sorted(rows.values_list("contact_point__address", "message__variant"))


def age(incident: Incident, by: timedelta) -> None:
    """Make an incident and all its open promises older: as if that time had passed."""
    Incident.objects.filter(pk=incident.pk).update(detected_at=F("detected_at") - by, opened_at=F("opened_at") - by)
    incident.impacts.filter(ended_at=None).update(started_at=F("started_at") - by)
    incident.promises.unanswered().update(made_at=F("made_at") - by, due_at=F("due_at") - by)
    incident.refresh_from_db()


def promise_of(incident: Incident, track: Track) -> Promise:
    return incident.promises.unanswered().get(track=track)


def recipient(
    *, contact_point_id: int = 7, account: str = "Jensen & Co", labels: Sequence[str] = ("shop.example",), **fields: Any
) -> Recipient:
    values = {
        "contact_point_ids": [contact_point_id],
        "address": "jo@customer.example",
        "name": "Jo Jensen",
        "zone": "Europe/Berlin",
        "affected": [[Affected(account, labels, 1, contact_point_id)]],
    }
    return Recipient(**{name: (values | fields)[name] for name in Recipient.__dataclass_fields__})


def built(message: Message, **fields: Any) -> tuple[EmailMessage, bytes]:
    """The mail as a reader's program parses it, and as it goes over the line."""
    raw = MailForm([message], Company.current()).build(recipient(**fields), now=MORNING)
    return message_from_bytes(raw, policy=policy.default), raw


def body(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def message_on(update: IncidentUpdate, variant: Variant) -> Message:
    return update.messages.get(variant=variant)


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def resolved_incident(*impacts: tuple) -> Incident:
    """An incident that was published and is over, with exactly these (component, start, seconds[, level])."""
    incident = make_incident(impacts[0][0])
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    IncidentImpact.objects.filter(incident=incident).delete()
    for component, start, seconds, *level in impacts:
        IncidentImpact.objects.create(
            incident=incident,
            component=component,
            started_at=start,
            ended_at=start + timedelta(seconds=seconds),
            level=level[0] if level else ImpactLevel.MAJOR,
        )
    spans = incident.impacts.aggregate(detected_at=Min("started_at"), resolved_at=Max("ended_at"))
    Incident.objects.filter(pk=incident.pk).update(**spans)
    incident.refresh_from_db()
    return incident
