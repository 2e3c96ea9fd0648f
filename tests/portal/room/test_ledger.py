"""The ledger page: bars that count each delivery once, what did not arrive, and one click to mend it."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import deliveries, publishing
from comms.choices import DeliveryState, IncidentStatus, Lane
from comms.models import CallTask, Delivery, Incident
from customers import clock
from customers.choices import Track, TransportKind
from customers.models import Account, Contact, ContactPoint
from customers.policies.roles import ADMINISTRATOR, APPROVER, COMMANDER, COMMUNICATIONS_LEAD, CSM, LEADERSHIP, SUPPORT
from demo.sink.server import Sink
from tests.factories import make_account, make_contact, make_incident, make_user, publish

HTMX = {"HX-Request": "true"}
SEE = {COMMUNICATIONS_LEAD, COMMANDER, APPROVER, CSM, LEADERSHIP, ADMINISTRATOR}
MEND = {COMMUNICATIONS_LEAD, COMMANDER, ADMINISTRATOR}


@pytest.fixture
def account(component) -> Account:
    return make_account("Jensen & Co", uses=(component,))


@pytest.fixture
def told(component, account) -> Incident:
    """Published to eight business contacts by mail and a technical one by mail and webhook."""
    for n in range(8):
        make_contact(account, email=f"b{n}@jensen.example", name=f"Business {n}")
    technical = make_contact(account, Track.TECHNICAL, email="t0@jensen.example")
    ContactPoint.objects.create(contact=technical, kind=TransportKind.WEBHOOK, address="https://hooks.jensen.example/x")
    incident = make_incident(component, classified=True)
    publish(incident)
    return incident


def of(address: str) -> Delivery:
    return Delivery.objects.get(contact_point__address=address)


def put(address: str, state: str, reply: str = "", attempts: int = 1, **fields) -> Delivery:
    row = of(address)
    Delivery.objects.filter(pk=row.pk).update(state=state, reply=reply, attempts=attempts, **fields)
    return row


@pytest.fixture
def mixed(told) -> Incident:
    """One delivery in each state that a person tells apart; b0 is still queued."""
    put("b1@jensen.example", "started")
    put("b2@jensen.example", "queued", "451 try later", code=451)
    put("b3@jensen.example", "failed", "550 no such user", code=550, finished_at=clock.now())
    put("b4@jensen.example", "uncertain", "nobody knows")
    put("b5@jensen.example", "suppressed", "the address is suppressed or unsubscribed")
    put("b6@jensen.example", "suppressed", "superseded by update 2")
    put("b7@jensen.example", "bounced", "mailbox full")
    put("t0@jensen.example", "accepted", "2.0.0 taken", code=250)
    put("https://hooks.jensen.example/x", "delivered")
    return told


def listed(response) -> list[str]:
    return [entry.address for entry in response.context["entries"]]


def test_bars_count_each_delivery_once_per_track_and_channel(as_user, lead, mixed):
    sending = as_user(lead).get(f"/room/{mixed.pk}/ledger/").context["sending"]

    assert {bar.title: {s.word: s.count for s in bar.segments if s.count} for bar in sending.bars} == {
        "technical, e-mail": {"accepted": 1},
        "technical, webhook": {"delivered": 1},
        "business, e-mail": {
            "queued": 1, "sending": 1, "retrying": 1, "uncertain": 1, "failed": 1, "bounced": 1, "suppressed": 1,
            "superseded": 1,
        },
    }  # fmt: skip
    assert (sending.total, sending.arrived, sending.moving, sending.missed, sending.replaced) == (10, 2, 3, 4, 1)


def test_htmx_gets_the_part_that_moves_and_nothing_else(as_user, lead, mixed):
    client = as_user(lead)
    response = client.get(f"/room/{mixed.pk}/ledger/", headers=HTMX)
    page = response.content.decode().strip()
    assert "HX-Request" in response["Vary"]
    assert page.startswith('<section class="card" id="sending"')
    assert 'hx-trigger="every 3s"' in page
    assert "b3@jensen.example" not in page
    Delivery.objects.update(state=DeliveryState.ACCEPTED)
    assert 'hx-trigger="every 15s"' in client.get(f"/room/{mixed.pk}/ledger/", headers=HTMX).content.decode()


def test_a_large_audience_says_how_many_of_its_ranges_are_queued(as_user, lead, component, settings):
    settings.FANOUT_RANGE_ACCOUNTS = 1
    for _ in range(3):
        make_contact(make_account(uses=(component,)))
    incident = make_incident(component, classified=True)
    publish(incident)
    publishing.fan_out_next()
    Delivery.objects.update(state=DeliveryState.ACCEPTED)
    client, address = as_user(lead), f"/room/{incident.pk}/ledger/"
    page = client.get(address, headers=HTMX).content.decode()
    assert "2 of 3 ranges of this large audience are queued; the others follow by themselves." in page
    assert 'hx-trigger="every 3s"' in page
    assert "nothing is on its way" not in page
    publishing.fan_out_next()
    Delivery.objects.update(state=DeliveryState.ACCEPTED)
    page = client.get(address, headers=HTMX).content.decode()
    assert "large audience" not in page
    assert "nothing is on its way" in page


def test_list_names_what_did_not_arrive_with_reason_attempts_and_time(as_user, lead, mixed):
    response = as_user(lead).get(f"/room/{mixed.pk}/ledger/")
    assert listed(response) == [f"b{n}@jensen.example" for n in (7, 5, 4, 3, 2)]
    page = " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
    failed = page.partition("b3@jensen.example")[2].partition("b2@jensen.example")[0]
    assert "550 550 no such user 1 attempt" in failed
    assert "Failed" in failed
    assert "Try again" in failed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=failed", ["b3"]),
        ("state=superseded", ["b6"]),
        ("state=suppressed", ["b5"]),
        ("state=retrying", ["b2"]),
        ("q=b4%40jensen", ["b4"]),
        ("q=jensen+%26+co&state=uncertain", ["b4"]),
        ("q=nobody", []),
        ("track=technical", []),
        ("track=business&state=bounced", ["b7"]),
        ("channel=sms", []),
        ("state=nonsense", ["b7", "b5", "b4", "b3", "b2"]),
        ("before=x&state=failed", ["b3"]),
        ("before=99999999999999999999&state=failed", ["b3"]),
    ],
)
def test_filters_narrow_the_list(as_user, lead, mixed, query, expected):
    response = as_user(lead).get(f"/room/{mixed.pk}/ledger/?{query}")
    assert [address.partition("@")[0] for address in listed(response)] == expected


def test_arrived_can_be_looked_up_too(as_user, lead, mixed):
    response = as_user(lead).get(f"/room/{mixed.pk}/ledger/?state=arrived")
    assert listed(response) == ["https://hooks.jensen.example/x", "t0@jensen.example"]
    assert "Try again" not in response.content.decode()


def test_pages_follow_each_other_without_gap_or_repetition(as_user, lead, told, account):
    for n in range(110):
        make_contact(account, email=f"more{n}@jensen.example")
    publish(told)
    Delivery.objects.update(state=DeliveryState.FAILED, attempts=1)
    client, seen, address = as_user(lead), [], f"/room/{told.pk}/ledger/?state=failed"
    sizes = []
    while address:
        response = client.get(address)
        found = [entry.delivery.pk for entry in response.context["entries"]]
        sizes.append(len(found))
        seen += found
        address = response.context["older"]
    assert seen == sorted(Delivery.objects.values_list("pk", flat=True), reverse=True)
    assert sizes == [50, 50, 30]
    assert response.context["newest"] == f"/room/{told.pk}/ledger/?state=failed"


def test_another_incidents_deliveries_are_not_listed(as_user, lead, mixed, component):
    other = make_incident(component, classified=True)
    publish(other)
    Delivery.objects.filter(message__incident=other).update(state="failed")
    assert len(listed(as_user(lead).get(f"/room/{mixed.pk}/ledger/?state=failed"))) == 1
    assert as_user(lead).get("/room/999999/ledger/").status_code == 404


def test_erased_contacts_stay_in_the_proof(as_user, lead, mixed):
    Contact.objects.all().delete()
    response = as_user(lead).get(f"/room/{mixed.pk}/ledger/")
    assert len(response.context["entries"]) == 5
    page = response.content.decode()
    assert "the contact was erased" in page
    assert "Try again" not in page


def test_what_gave_way_is_not_offered_again(as_user, lead, mixed):
    publish(mixed, IncidentStatus.RESOLVED)
    response = as_user(lead).get(f"/room/{mixed.pk}/ledger/")
    assert {entry.may_retry for entry in response.context["entries"]} == {False}
    assert "A newer update goes to this address" in response.content.decode()


def test_try_again_sends_really_again(as_user, lead, mixed, settings):
    failed = of("b3@jensen.example")
    back = f"/room/{mixed.pk}/ledger/?state=failed"
    with Sink() as sink:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", sink.port
        response = as_user(lead).post(f"/room/deliveries/{failed.pk}/mend/", {"how": "retry", "back": back})
        Delivery.objects.exclude(pk=failed.pk).filter(state="queued").update(state="accepted")
        deliveries.pump(Lane.CRITICAL)
        (mail,) = sink.wait_for(1)
    assert (response.status_code, response.url) == (302, back)
    assert mail.rcpt_to == ("b3@jensen.example",)
    failed.refresh_from_db()
    assert failed.state == "accepted"


def test_suppressed_offers_to_lift_and_does_it(as_user, lead, mixed):
    ContactPoint.objects.filter(address="b5@jensen.example").update(
        suppressed_at=clock.now(), suppressed_reason="refused: 550"
    )
    client, row = as_user(lead), of("b5@jensen.example")
    assert "Lift suppression and try again" in client.get(f"/room/{mixed.pk}/ledger/").content.decode()
    client.post(f"/room/deliveries/{row.pk}/mend/", {"how": "lift"})
    row.refresh_from_db()
    assert (row.state, ContactPoint.objects.get(address="b5@jensen.example").suppressed_at) == ("queued", None)


def test_call_list_is_one_click_and_its_result_is_on_the_page(as_user, lead, mixed, account):
    client, row = as_user(lead), of("b3@jensen.example")
    client.post(f"/room/deliveries/{row.pk}/mend/", {"how": "call"})
    task = CallTask.objects.get()
    assert (task.account, task.incident) == (account, mixed)
    assert "Waits for a call" in client.get(f"/room/{mixed.pk}/ledger/").content.decode()
    assert "1 account to call" in client.get(f"/room/{mixed.pk}/").content.decode()
    client.post(f"/room/calls/{task.pk}/result/", {"result": "reached", "note": "He knows."})
    page = client.get(f"/room/{mixed.pk}/ledger/").content.decode()
    assert "Reached" in page
    assert "He knows." in page
    assert "account to call" not in client.get(f"/room/{mixed.pk}/").content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/room/", "/account/logout/", ""])
def test_mending_leads_back_into_the_room_only(as_user, lead, mixed, back):
    row = of("b3@jensen.example")
    response = as_user(lead).post(f"/room/deliveries/{row.pk}/mend/", {"how": "nothing", "back": back})
    assert response.url == "/room/"
    row.refresh_from_db()
    assert row.state == "failed"


def test_a_refusal_says_why(as_user, lead, mixed):
    row = of("t0@jensen.example")
    response = as_user(lead).post(f"/room/deliveries/{row.pk}/mend/", {"how": "retry"}, follow=True)
    assert "There is nothing to try again: it has arrived or is on its way." in response.content.decode()


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("GET", "/room/{incident}/ledger/", SEE),
        ("GET", "/room/{incident}/ledger/export/?format=csv", SEE),
        ("GET", "/room/accounts/{account}/told/", SEE),
        ("GET", "/room/accounts/{account}/told/export/?format=json", SEE),
        ("POST", "/room/deliveries/{delivery}/mend/", MEND),
        ("GET", "/room/calls/", {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER, CSM}),
        ("POST", "/room/calls/{call}/result/", {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER, CSM}),
    ],
)
def test_who_may_open_and_do_what(client, told, account, method, address, allowed):
    call = CallTask.objects.create(incident=told, account=account, reason="failed", raised_at=clock.now())
    delivery = Delivery.objects.first()
    path = address.format(incident=told.pk, account=account.pk, delivery=delivery.pk, call=call.pk)
    found = set()
    for role in SEE | {SUPPORT}:
        client.force_login(make_user(role))
        if client.generic(method, path).status_code != 404:
            found.add(role)
    assert found == allowed
    client.force_login(make_contact(account, login=True).user)
    assert client.generic(method, path).status_code == 404
    client.logout()
    assert client.generic(method, path).url.startswith("/account/login/")


def test_who_may_not_mend_sees_no_buttons(as_user, csm, mixed):
    page = as_user(csm).get(f"/room/{mixed.pk}/ledger/").content.decode()
    assert "b3@jensen.example" in page
    assert "Try again" not in page


def test_queries_do_not_grow(as_user, lead, component):
    client, counts = as_user(lead), []
    incident = make_incident(component, classified=True)
    for n in (1, 3):
        for _ in range(n):
            account = make_account(uses=(component,))
            make_contact(account)
            CallTask.objects.create(incident=incident, account=account, reason="failed", raised_at=clock.now())
        publish(incident)
        Delivery.objects.update(state="failed", attempts=1)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/room/{incident.pk}/ledger/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 15
