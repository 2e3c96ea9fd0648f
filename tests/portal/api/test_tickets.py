from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from comms.models import Delivery, Incident
from customers.choices import SignalOrigin, Track
from customers.models import Signal, Ticket
from portal.api.errors import NOT_AS_DOCUMENTED
from tests.factories import make_account, make_contact, utc
from tests.portal.api.senders import error, post_ticket, ticket


def post(body: Any) -> tuple[int, dict[str, Any]]:
    response = post_ticket(body)
    return response.status_code, response.json()


def refused(**fields: list[str]) -> tuple[int, dict[str, Any]]:
    return 400, error("invalid", NOT_AS_DOCUMENTED, **fields)


def test_post_keeps_a_ticket_and_its_signals_and_answers_nothing_of_them(sender):
    contact = make_contact(make_account(), email="Ops@customer.example")

    answer = post(ticket())

    kept = Ticket.objects.get()
    assert answer == (201, {"ticket": "4711", "new": True, "matched": True})
    assert (kept.source, kept.external_id, kept.contact, kept.account, kept.requester, kept.opened_at) == (
        "zendesk",
        "4711",
        contact,
        contact.account,
        "ops@customer.example",
        utc(2024, 4, 14, 8, 52, 11),
    )
    assert kept.body == "Since 08:40 our pool logs:\n\n2024-04-14 08:40:11 ERROR could not connect to 10.2.3.4:5432"
    signals = Signal.objects.filter(ticket=kept, contact=contact, origin=SignalOrigin.TICKET)
    assert set(signals.values_list("track", flat=True)) == {Track.TECHNICAL}
    assert (Delivery.objects.count(), Incident.objects.count()) == (0, 0)


def test_post_of_a_technical_ticket_changes_the_track_of_its_requester(sender):
    contact = make_contact(make_account(), email="ops@customer.example")
    contact.track_set = ""
    contact.save()

    post(ticket(created_at=timezone.now().isoformat()))

    contact.refresh_from_db()
    assert (contact.effective_track, contact.track_inferred) == (Track.TECHNICAL, Track.TECHNICAL)


def test_post_of_the_same_ticket_again_keeps_the_first(sender):
    make_contact(make_account(), email="ops@customer.example")
    post(ticket())
    signals = Signal.objects.count()

    answer = post(ticket(subject="Changed"))

    assert answer == (200, {"ticket": "4711", "new": False, "matched": True})
    assert (Ticket.objects.get().subject, Signal.objects.count()) == ("psql: FATAL: too many connections", signals)


def test_post_keeps_a_ticket_of_somebody_unknown_for_a_person(sender):
    make_contact(make_account(), email="other@customer.example")
    answer = post(ticket(requester={"email": "not an address"}))
    assert answer == (201, {"ticket": "4711", "new": True, "matched": False})
    assert (Ticket.objects.get().account, Signal.objects.count()) == (None, 0)


def test_post_takes_a_number_as_id_and_leaves_unknown_fields_aside(sender):
    body = ticket(id=4711, tags=["vip"], requester={"email": "a@b.example", "phone": None}, custom={"a": [1]})
    assert post(body) == (201, {"ticket": "4711", "new": True, "matched": False})


def test_post_removes_what_the_database_or_a_header_cannot_hold(sender):
    body = ticket(
        id="47\x0011",
        requester={"email": "ops@customer.example\r\nBcc: all@x.example", "name": "O\x00"},
        subject="Pool\x00 \ud800full\r\nBcc: all@x.example",
        body="first\x00\r\nsecond\udfff \ue000time:x\ue001\x1b[2J",
    )
    assert post(body) == (201, {"ticket": "4711", "new": True, "matched": False})
    kept = Ticket.objects.get()
    assert (kept.requester, kept.subject, kept.body) == (
        "ops@customer.example Bcc: all@x.example",
        "Pool full Bcc: all@x.example",
        "first\nsecond time:x[2J",
    )


def test_post_keeps_the_beginning_of_a_subject_that_is_too_long(sender):
    assert post(ticket(subject="x" * 5000, body="y" * 200_000))[0] == 201
    assert (Ticket.objects.get().subject, len(Ticket.objects.get().body)) == ("x" * 300, 200_000)


def test_post_without_words_is_a_ticket_too(sender):
    assert post(ticket(subject="", body=None))[0] == 201
    assert (Ticket.objects.get().subject, Ticket.objects.get().body) == ("", "")


def test_post_reads_the_time_with_nanoseconds_and_zone(sender):
    assert post(ticket(created_at="2024-04-14T10:52:11.123456789+02:00"))[0] == 201
    assert Ticket.objects.get().opened_at == utc(2024, 4, 14, 8, 52, 11, 123456)


def test_post_with_the_zero_time_counts_from_arrival(sender):
    assert post(ticket(created_at="0001-01-01T00:00:00Z"))[0] == 201
    assert abs(Ticket.objects.get().opened_at - timezone.now()) < timedelta(minutes=5)


def test_post_of_an_empty_object_names_what_is_missing(sender):
    needed = ["This field is required."]
    assert post({}) == refused(id=needed, requester=needed, subject=needed, created_at=needed)


NO_TIME = "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."
FUTURE = "This lies more than 60 minutes in the future: check the clock of the sender."


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"id": ""}, {"id": ["This field may not be blank."]}),
        ({"id": "\x00\x07"}, {"id": ["This field may not be blank."]}),
        ({"id": ["1"]}, {"id": ["Not a valid string."]}),
        ({"id": "x" * 121}, {"id": ["Ensure this field has no more than 120 characters."]}),
        ({"requester": "a@b.example"}, {"requester": ["Invalid data. Expected a dictionary, but got str."]}),
        ({"requester": {}}, {"requester__email": ["This field is required."]}),
        ({"requester": {"email": None}}, {"requester__email": ["This field may not be null."]}),
        ({"requester": {"email": " "}}, {"requester__email": ["This field may not be blank."]}),
        (
            {"requester": {"email": "a" * 255}},
            {"requester__email": ["Ensure this field has no more than 254 characters."]},
        ),
        ({"subject": None}, {"subject": ["This field may not be null."]}),
        ({"body": {"html": "x"}}, {"body": ["Not a valid string."]}),
        ({"created_at": "14.04.2024 08:52"}, {"created_at": [NO_TIME]}),
        ({"created_at": 1713084731}, {"created_at": [NO_TIME]}),
        ({"created_at": "2999-01-01T00:00:00Z"}, {"created_at": [FUTURE]}),
    ],
)
def test_post_names_the_field_that_is_wrong(sender, fields, wrong):
    assert post(ticket(**fields)) == refused(**wrong)
    assert Ticket.objects.count() == 0


def test_post_that_is_signed_but_no_json_is_refused_with_the_place(sender):
    message = "The body is not JSON: Expecting value at line 1, column 8."
    assert post(b'{"id": ') == (400, error("malformed", message))


def test_post_answers_ten_tickets_of_one_requester_with_their_own_ids(sender):
    make_contact(make_account(), email="ops@customer.example")
    assert [post(ticket(id=str(n)))[1]["ticket"] for n in range(10)] == [str(n) for n in range(10)]
