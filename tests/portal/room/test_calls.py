"""The call desk: who is to be called, in which order, with what to say, and what came of it."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.choices import CallReason, CallResult, Variant
from comms.models import CallTask, Incident
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity
from customers.models import Account
from tests.factories import make_account, make_contact, make_incident, make_user, publish


def call(incident: Incident, account: Account) -> CallTask:
    return CallTask.objects.create(
        incident=incident, account=account, reason=CallReason.NO_CONTACT, raised_at=clock.now()
    )


@pytest.fixture
def told(component) -> Incident:
    incident = make_incident(component, classified=True)
    notes = {Variant.TECHNICAL: Text(note="The pool is exhausted."), Variant.BUSINESS: Text(note="Your shop is slow.")}
    publish(incident, texts=notes)
    return incident


def tasks(response, name: str = "groups") -> list[list[CallTask]]:
    return [[c.task for c in group.calls] for group in response.context[name]]


def test_desk_puts_severe_incidents_and_valuable_accounts_first(as_user, support, component, told):
    severe = make_incident(component, severity=Severity.FIVE, classified=True)
    small, large = (make_account(name, contract_value=Decimal(v)) for name, v in (("Small", 10), ("Large", 900)))
    one, two, three = call(told, small), call(told, large), call(severe, small)

    response = as_user(support).get("/room/calls/")

    assert tasks(response) == [[three], [two, one]]
    assert (response.context["open"], response.context["more"]) == (3, False)


def test_desk_names_owner_sponsor_numbers_and_what_to_say(as_user, support, told):
    account = make_account("Jensen & Co", owner=make_user(name="Olga Owner"), sponsor=make_user(name="Sven Sponsor"))
    make_contact(account, name="Jo Jensen", phone="+49 30 123456")
    make_contact(account, name="Silent Sue")
    call(told, account)

    page = as_user(support).get("/room/calls/").content.decode()

    for words in (
        "Jensen &amp; Co",
        "Olga Owner",
        "Sven Sponsor",
        'href="tel:+4930123456"',
        "Jo Jensen",
        "Your shop is slow.",
    ):
        assert words in page
    assert "Silent Sue" not in page
    assert "The pool is exhausted." not in page


def test_result_is_noted_with_who_and_when_and_leaves_the_list(as_user, support, told):
    task = call(told, make_account("Jensen & Co"))
    client = as_user(support)

    response = client.post(f"/room/calls/{task.pk}/result/", {"result": "reached", "note": "Thanks\nfor calling"})

    task.refresh_from_db()
    assert response.url == "/room/calls/"
    assert (task.result, task.note, task.called_by) == (CallResult.REACHED, "Thanks for calling", support)
    assert task.called_at is not None
    page = client.get("/room/calls/")
    assert (tasks(page), tasks(page, "again")) == ([], [])


def test_who_was_not_reached_stays_to_be_called_again(as_user, support, told):
    task, client = call(told, make_account()), as_user(support)
    client.post(f"/room/calls/{task.pk}/result/", {"result": "voicemail", "note": "second line"})
    page = client.get("/room/calls/")
    assert (tasks(page), tasks(page, "again")) == ([], [[task]])
    client.post(f"/room/calls/{task.pk}/result/", {"result": "reached"})
    assert tasks(client.get("/room/calls/"), "again") == []


@pytest.mark.parametrize("posted", [{}, {"result": "maybe", "note": "kept"}, {"result": "reached", "note": "x" * 301}])
def test_bad_input_is_marked_and_kept(as_user, support, told, posted):
    task = call(told, make_account())
    response = as_user(support).post(f"/room/calls/{task.pk}/result/", posted)
    assert response.status_code == 422
    assert posted.get("note", "") in response.content.decode()
    assert "field-error" in response.content.decode()
    task.refresh_from_db()
    assert task.result == ""


def test_an_unknown_call_does_not_exist_and_a_loaded_address_leads_to_the_desk(as_user, support, told):
    task, client = call(told, make_account()), as_user(support)
    assert client.post("/room/calls/999999/result/", {"result": "reached"}).status_code == 404
    assert client.get(f"/room/calls/{task.pk}/result/").url == "/room/calls/"


def test_queries_do_not_grow(as_user, support, component):
    client, counts = as_user(support), []
    for n in (1, 3):
        for _ in range(n):
            incident = make_incident(component, classified=True)
            publish(incident)
            account = make_account(owner=make_user(), sponsor=make_user())
            make_contact(account, phone="+49 30 1")
            call(incident, account)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/room/calls/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 13
