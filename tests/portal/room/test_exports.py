"""The export: exactly these columns and contents, streamed, nothing that a spreadsheet would compute."""

import csv
import io
import json
import re
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from comms.models import Delivery, Incident, Message
from customers.choices import Track, TransportKind
from customers.models import Account, Contact, ContactPoint
from portal.room import exports
from tests.factories import make_account, make_contact, make_incident, publish, utc

KEY = UUID("00000000-0000-4000-8000-00000000002a")


@pytest.fixture
def account(component) -> Account:
    return make_account("=HYPERLINK(1)", uses=(component,))


@pytest.fixture
def told(component, account) -> Incident:
    jo = make_contact(account, email="jo@jensen.example", name='Jo, "the" Jensen')
    ContactPoint.objects.create(contact=jo, kind=TransportKind.SMS, address="+4915112345678")
    make_contact(account, Track.TECHNICAL, email="-t@jensen.example", name="@tech")
    incident = make_incident(component, classified=True)
    publish(incident)
    Delivery.objects.update(created_at=utc(2026, 11, 21, 3, 0, 0))
    Delivery.objects.filter(contact_point__address="jo@jensen.example").update(
        state="failed", attempts=3, code=550, reply="\t5.1.1 no such user", finished_at=utc(2026, 11, 21, 3, 59, 1)
    )
    return incident


def body(response) -> str:
    return b"".join(response.streaming_content).decode()


def rows_of(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body(response), newline="")))


def subject(track: Track) -> str:
    """With its times as words in UTC."""
    return re.sub("\ue000clock:[^\ue001]*T(\\d\\d:\\d\\d)[^\ue001]*\ue001", r"\1 UTC", message(track).subject)


def message(track: Track) -> Message:
    return Message.objects.get(variant=track)


def test_csv_of_an_incident_is_exactly_this(as_user, lead, told):
    response = as_user(lead).get(f"/room/{told.pk}/ledger/export/?format=csv")

    header, *rows = rows_of(response)
    mail, technical = message(Track.BUSINESS), message(Track.TECHNICAL)
    points = {point.address: point.pk for point in ContactPoint.objects.exclude(contact=None)}
    reference, account, queued = told.reference, "'=HYPERLINK(1)", "2026-11-21T03:00:00.000Z"
    plain = {track: subject(track) for track in Track}
    assert header == [
        "incident", "update", "subject", "track", "channel", "account", "contact", "address", "state", "attempts",
        "code", "reply", "queued", "finished", "message id",
    ]  # fmt: skip
    assert sorted(rows) == sorted([
        [
            reference, "1", plain[Track.BUSINESS], "business", "email", account, 'Jo, "the" Jensen',
            "jo@jensen.example",
            "failed", "3", "550", "'\t5.1.1 no such user", queued, "2026-11-21T03:59:01.000Z",
            f"<{mail.key.hex}.{points['jo@jensen.example']}@localhost.localdomain>",
        ],
        [
            reference, "1", plain[Track.BUSINESS], "business", "sms", account, 'Jo, "the" Jensen', "'+4915112345678",
            "queued", "0", "", "", queued, "", f"{mail.key.hex}-{points['+4915112345678']}",
        ],
        [
            reference, "1", plain[Track.TECHNICAL], "technical", "email", account, "'@tech", "'-t@jensen.example",
            "queued", "0", "", "", queued, "",
            f"<{technical.key.hex}.{points['-t@jensen.example']}@localhost.localdomain>",
        ],
    ])  # fmt: skip
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="INC-{told.pk}-ledger.csv"'
    assert "no-store" in response["Cache-Control"]


def test_json_holds_the_same_values_unquoted(as_user, lead, told, account):
    client = as_user(lead)
    of_incident = json.loads(body(client.get(f"/room/{told.pk}/ledger/export/?format=json")))
    of_account = json.loads(body(client.get(f"/room/accounts/{account.pk}/told/export/?format=json")))

    (failed,) = [row for row in of_incident if row["state"] == "failed"]
    point = ContactPoint.objects.get(address="jo@jensen.example")
    assert failed == {
        "incident": told.reference,
        "update": 1,
        "subject": subject(Track.BUSINESS),
        "track": "business",
        "channel": "email",
        "account": "=HYPERLINK(1)",
        "contact": 'Jo, "the" Jensen',
        "address": "jo@jensen.example",
        "state": "failed",
        "attempts": 3,
        "code": 550,
        "reply": "\t5.1.1 no such user",
        "queued": "2026-11-21T03:00:00.000Z",
        "finished": "2026-11-21T03:59:01.000Z",
        "message id": f"<{message(Track.BUSINESS).key.hex}.{point.pk}@localhost.localdomain>",
    }
    assert of_account == of_incident
    assert list(failed) == list(exports.COLUMNS)


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_export_of_an_account_holds_nobody_elses(as_user, lead, told, component, account, ending):
    make_contact(make_account("Other", uses=(component,)), email="x@other.example")
    publish(told)
    text = body(as_user(lead).get(f"/room/accounts/{account.pk}/told/export/?format={ending}"))
    assert text.count("jo@jensen.example") == 2
    assert "x@other.example" not in text


def test_export_of_nothing_is_empty_and_valid(as_user, lead):
    client, account = as_user(lead), make_account()
    assert body(client.get(f"/room/accounts/{account.pk}/told/export/?format=json")) == "[\n]\n"
    assert len(rows_of(client.get(f"/room/accounts/{account.pk}/told/export/?format=csv"))) == 1


def test_an_unknown_format_or_thing_does_not_exist(as_user, lead, told):
    client = as_user(lead)
    for path in (
        f"/room/{told.pk}/ledger/export/",
        f"/room/{told.pk}/ledger/export/?format=xls",
        "/room/999999/ledger/export/?format=csv",
    ):
        assert client.get(path).status_code == 404


def test_erased_contacts_keep_their_rows(as_user, lead, told):
    Contact.objects.all().delete()
    rows = json.loads(body(as_user(lead).get(f"/room/{told.pk}/ledger/export/?format=json")))
    assert {(row["account"], row["contact"], row["address"]) for row in rows} == {("", "", "")}
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", "'=1+1"), ("+49", "'+49"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("a=1", "a=1"), ("", ""), ("'=1", "'=1"), (-1, -1), (None, None),
    ],
)  # fmt: skip
def test_quoted_disarms_what_begins_a_formula(value, safe):
    assert exports.quoted(value) == safe


def test_export_goes_in_chunks_each_of_a_few_queries(as_user, lead, told, account, monkeypatch):
    """Chunks follow each other without gap or repetition, and the queries of one do not grow with its rows."""
    for n in range(5):
        make_contact(account, email=f"more{n}@jensen.example")
    publish(told)
    assert Delivery.objects.count() == 11
    client, counts = as_user(lead), []
    for size in (3, 100):
        monkeypatch.setattr(exports, "CHUNK", size)
        response = client.get(f"/room/{told.pk}/ledger/export/?format=json")
        with CaptureQueriesContext(connection) as captured:
            pieces = list(response.streaming_content)
        rows = json.loads(b"".join(pieces))
        assert len({row["message id"] for row in rows}) == len(rows) == 11
        counts.append((len(pieces), len(captured)))
    assert counts == [(6, 4 * 3 + 1), (3, 3 + 1)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_under_asgi_it_streams_chunk_by_chunk(roles_after_flush, told, lead, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 1)
    client = AsyncClient()
    client.force_login(lead)

    async def pieces() -> list[bytes]:
        response = await client.get(f"/room/{told.pk}/ledger/export/?format=json")
        assert response.is_async
        return [piece async for piece in response.streaming_content]

    found = async_to_sync(pieces)()
    assert len(found) == 5  # a bracket, three rows, a bracket
    assert len(json.loads(b"".join(found))) == 3
