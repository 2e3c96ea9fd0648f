"""The page that says what is wrong and how to mend it, and the banner on every page of staff (R29)."""

import re
from datetime import timedelta

import pytest
from django_q.models import OrmQ

from comms.actions import beats
from comms.choices import DeliveryState, Lane
from comms.models import Beat, Delivery, Installation, Relay
from customers import clock
from customers.models import Account, Contact
from tests.factories import make_account, make_contact, publish

PAGE, RELEASE = "/room/health/", "/room/health/release/"
BUTTON, BANNER = "This database may send", "Sending is held: no message leaves"


@pytest.fixture(autouse=True)
def _everything_runs(db) -> None:
    for name in beats.NAMES:
        Beat.objects.create(name=name, ran_at=clock.now())


@pytest.fixture
def held(db) -> None:
    Installation.objects.update(held_at=clock.now(), held_reason="this database is a copy")


def words_of(response) -> str:
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_page_says_that_everything_runs(as_user, support):
    said = words_of(as_user(support).get(PAGE))
    assert "Health Everything runs." in said
    assert "To mend it" not in said
    assert said.count("Well") == 7


def test_page_says_what_is_wrong_and_how_to_mend_it(as_user, support):
    now = clock.now()
    Beat.objects.filter(name=Lane.CRITICAL).update(ran_at=now - timedelta(minutes=3))
    OrmQ.objects.create(key=Lane.CRITICAL, payload="x", lock=now - timedelta(minutes=3))
    Relay.objects.update(failures=2, closed_until=now + timedelta(minutes=2), reason="connection refused")
    said = words_of(as_user(support).get(PAGE))
    assert "2 things are wrong." in said
    assert "Lane critical Last sign of life 3 min ago. What is due in this lane waits in the ledger" in said
    assert "Connection refused To mend it: Look at SMTP_HOST" in said


def test_page_tells_what_waits_and_what_failed_in_the_last_day(as_user, support, incident):
    publish(incident)
    now = clock.now()
    first, second = Delivery.objects.values_list("pk", flat=True)
    Delivery.objects.filter(pk=first).update(due_at=now - timedelta(minutes=7))
    Delivery.objects.filter(pk=second).update(state=DeliveryState.FAILED, finished_at=now)
    said = words_of(as_user(support).get(PAGE))
    assert "Critical 1 7 min Normal 0 – Bulk 0 –" in said
    assert "Failed 1 deliveries Uncertain 0 deliveries" in said


def test_page_shows_what_the_auditor_finds(as_user, support, incident):
    for model in (Account, Contact):  # they have been there for a while
        model.pgh_event_model.objects.update(pgh_created_at=clock.now() - timedelta(hours=1))
    publish(incident)
    Delivery.objects.filter(message__variant="business").delete()
    said = words_of(as_user(support).get(PAGE))
    assert "Everything runs, but the auditor found something." in said
    assert f"{incident.reference}, update 1, business: 1 address that must have a delivery has none." in said


def test_a_held_database_is_released_by_one_who_may_and_by_a_post(as_user, commander, held):
    client = as_user(commander)
    assert BUTTON in words_of(client.get(PAGE))
    assert client.get(RELEASE).status_code == 405
    assert Installation.objects.get().held_at is not None

    done = client.post(RELEASE, follow=True)

    assert done.redirect_chain == [(PAGE, 302)]
    assert "This database may send. What waits leaves now." in words_of(done)
    row = Installation.objects.get()
    assert (row.held_at, row.released_by) == (None, commander)
    client.post(RELEASE)
    assert Installation.objects.get().released_at == row.released_at  # a second click changes nothing


def test_a_colleague_who_may_not_release_sees_why_and_no_button(as_user, support, held):
    client = as_user(support)
    said = words_of(client.get(PAGE))
    assert "This database is a copy To mend it:" in said
    assert f"{BUTTON} " not in said
    assert "An administrator or incident commander can say so here." in said
    assert client.post(RELEASE).status_code == 404
    assert Installation.objects.get().held_at is not None


def test_every_page_of_staff_bears_a_banner_while_sending_is_held(as_user, commander, csm, incident, held):
    client = as_user(commander)
    for path in ("/room/", "/room/credits/", f"/room/{incident.pk}/"):
        assert BANNER in words_of(client.get(path)), path
    assert BANNER in words_of(as_user(csm).get("/room/outreach/"))
    Installation.objects.update(held_at=None)
    assert BANNER not in words_of(client.get("/room/credits/"))


def test_pages_of_customers_bear_no_banner(as_user, held):
    account = make_account()
    customer = make_contact(account, login=True).user
    answer = as_user(customer).get("/incidents/")
    assert answer.status_code == 200
    assert BANNER not in answer.content.decode()
