"""From an action to mail servers, through the processes that run in production."""

import signal
from collections import Counter
from pathlib import Path

import pytest
from django_q.models import OrmQ

from comms.choices import DeliveryState
from comms.models import Delivery
from customers.choices import Track
from demo.sink import Sink
from tests.factories import make_account, make_component, make_contact, make_incident, publish
from tests.instances import Instance, until

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
TRACKS = {Track.TECHNICAL: "p95 of writes is 4 s", Track.BUSINESS: "Your site may be slow."}


def accepted() -> int:
    return Delivery.objects.filter(state=DeliveryState.ACCEPTED).count()


def test_an_update_reaches_each_contact_once_on_his_track_also_when_its_lane_was_killed(tmp_path: Path):
    component = make_component()
    account = make_account(uses=(component,))
    readers = {make_contact(account, track).email: text for track, text in TRACKS.items() for _ in range(10)}
    make_contact(make_account(uses=(make_component(),)))  # not concerned
    with Sink() as sink, Instance(tmp_path / "log", SMTP_PORT=str(sink.port), SMTP_HOST="127.0.0.1") as instance:
        instance.wait_until_up()
        incident = make_incident(component)
        publish(incident)
        until(lambda: accepted() == len(readers), "every delivery")
        assert Counter(address for mail in sink.mails for address in mail.rcpt_to) == dict.fromkeys(readers, 1)
        for mail in sink.mails:
            assert readers[mail.rcpt_to[0]] in mail.part("plain")

        first = instance.first("lane critical")
        assert first is not None
        first.send_signal(signal.SIGKILL)
        publish(incident)
        until(lambda: accepted() == 2 * len(readers), "every delivery of the next update")
        assert Counter(address for mail in sink.mails for address in mail.rcpt_to) == dict.fromkeys(readers, 2)
        until(lambda: not OrmQ.objects.exists(), "the doorbells to be heard")
