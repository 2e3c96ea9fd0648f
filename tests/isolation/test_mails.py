"""Mails as they leave: each holds only what is its recipient's, on his track."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import Count
from django.db.models.functions import Coalesce

from comms.actions import deliveries, promises
from comms.choices import Lane
from comms.models import Delivery, Promise
from customers import clock
from customers.choices import Severity
from customers.models import Company
from customers.policies.roles import COMMUNICATIONS_LEAD
from demo.sink.mail import Mail
from demo.sink.server import Sink
from tests.isolation.markers import foreign, markers_in, of
from tests.isolation.world import World, make_world

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
PERSONAL = ("contact_", "mail_", "user_", "old_")
WORDS = {"technical": "tech", "business": "biz"}


@pytest.fixture
def sink(settings) -> Iterator[Sink]:
    with Sink() as running:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", running.port
        yield running


def whole(mail: Mail) -> str:
    """Headers, text and HTML, decoded; and the address on the envelope."""
    headers = "\n".join(f"{name}: {value}" for name, value in mail.message.items())
    return "\n".join([headers, mail.part("plain"), mail.part("html"), *mail.rcpt_to])


def send_everything(sink: Sink, world: World) -> dict[str, list[Mail]]:
    """Updates, credit letters and warnings of promises: the mails by recipient."""
    soon = clock.now() + timedelta(minutes=8)
    Promise.objects.unanswered().filter(incident=world.b.incidents["open"]).update(due_at=soon)
    promises.tick()
    for lane in (Lane.CRITICAL, Lane.NORMAL):
        deliveries.pump(lane)
    found = defaultdict(list)
    sent = Delivery.objects.exclude(reply__startswith="superseded")
    for mail in sink.wait_for(sent.aggregate(mails=Count(Coalesce("bundle", "pk"), distinct=True))["mails"]):
        assert len(mail.rcpt_to) == 1
        found[mail.rcpt_to[0]].append(mail)
    return found


@pytest.mark.parametrize(("merges", "count"), [(False, 4), (True, 2)])
def test_each_mail_holds_only_what_is_its_recipients(sink, merges, count):
    """Each message in a mail of its own, and updates of several incidents in one (E6)."""
    Company.objects.update(merge_up_to=Severity.FIVE if merges else 0)
    world = make_world()
    mails = send_everything(sink, world)
    readers = {
        getattr(side, track).email: (side, track) for side in (world.a, world.b) for track in ("technical", "business")
    }
    lead = world.staff[COMMUNICATIONS_LEAD]
    assert set(mails) == {*readers, lead.email}

    for address, (side, track) in readers.items():
        kind = WORDS[track]
        allowed = [f"{name}-{sort}" for name in (side.name, "s") for sort in ("own", kind)]
        others = {
            one
            for who in ("technical", "business", "former", "detached", "inactive")
            for part in PERSONAL
            if who != track
            for one in [side.mark("own", f"{part}{who}")]
        }
        for mail in mails[address]:
            found = markers_in(whole(mail))
            assert (mail.header("Subject"), foreign(found, allowed) | (found & others)) == (
                mail.header("Subject"),
                set(),
            )
        met = set[str]().union(*(markers_in(whole(mail)) for mail in mails[address]))
        assert {side.mark("own", name) for name in (f"mail_{track}", f"contact_{track}", "account", "label")} <= met
        assert {side.mark("own", "currency"), side.mark("own", "label_shared")} <= met
        assert {side.mark(kind, f"note_{which}") for which in ("open", "resolved_last")} <= met
        assert f"mks-{kind}-note_open" in met
        assert len(mails[address]) == count  # of two updates that wait for one reader the newer one leaves


def test_a_warning_goes_to_colleagues_only_and_names_no_account(sink):
    world = make_world()
    mails = send_everything(sink, world)
    warnings = [(to, mail) for to, sent in mails.items() for mail in sent if "update due in" in mail.header("Subject")]
    assert {to for to, _ in warnings} == {world.staff[COMMUNICATIONS_LEAD].email}
    for _, mail in warnings:
        found = markers_in(whole(mail))
        assert found >= {"mkb-draft-title_unsaved"}  # to colleagues the title as it is saved now
        assert of(found, "a", "b-own") == set()
