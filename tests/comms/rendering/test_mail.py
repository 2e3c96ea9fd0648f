"""A message as a mail that strict programs read: RFC 5322, 2045, 2047, 8058 (E5, A4b, L0)."""

import re
from email import message_from_bytes
from email.header import decode_header

import pytest

from comms.choices import IncidentStatus, Variant
from comms.models import Message
from comms.rendering import mail as mails
from comms.rendering.links import token_of
from comms.rendering.mail import unsubscribe_signer
from comms.rendering.marks import CLOSE, OPEN
from comms.rendering.messages import Text
from customers.models import Company
from tests.comms.support import MORNING, body, built, message_on
from tests.factories import make_component, make_incident, publish

pytestmark = pytest.mark.django_db
EVIL = '<b>&"\r\nBcc: all@customer.example\n\n\u2028\u2029x' + f"{OPEN}link{CLOSE}"


@pytest.fixture
def incident(db):
    Company.objects.update(name="Harbourline Hosting", support_phone="+49 40 1234")
    return make_incident(make_component("pg-1"), title="Databases are slow")


@pytest.fixture
def message(incident) -> Message:
    return message_on(publish(incident, texts=NOTES), Variant.BUSINESS)


NOTES = {
    Variant.TECHNICAL: Text(note="Wir schalten um – jetzt. " * 20),
    Variant.BUSINESS: Text(note="Grüße aus Hamburg 🙂\n.\n..leading dots\nFrom here on   \nA line of " + "x" * 2000),
}


def opening(message: Message) -> str:
    """The link that opens the incident without signing in, for contact point 7 of account 1."""
    token = token_of(message.incident_id, Variant(message.variant), [(7, 1)], message.created_at)
    return f"http://localhost:8000/i/{token}/"


def shown(message: Message, zone: str) -> str:
    return mails.marks.fill_times(message.text, zone, "en")


def test_both_parts_decode_to_their_exact_texts_in_the_readers_zone(message):
    mail, _ = built(message)

    assert body(mail, "plain").rstrip("\n") + "\n" == (
        "Hello Jo Jensen,\n\n"
        + shown(message, "Europe/Berlin")
        + f"\n\nAffected at Jensen & Co: shop.example\n\nFollow it live: {opening(message)}\n\n"
        "Harbourline Hosting, +49 40 1234\n"
        f"Stop these mails: http://localhost:8000/unsubscribe/{unsubscribe_signer.sign(7)}/\n"
    )
    markup = body(mail, "html")
    assert "Grüße aus Hamburg 🙂<br>.<br>..leading dots<br>From here on" in markup
    assert "Affected at Jensen &amp; Co: shop.example" in markup
    assert f'href="{opening(message)}"' in markup
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert [list(part.defects) for part in mail.walk()] == [[], [], []]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_times_are_said_in_the_readers_zone_with_utc_beside(message, zone):
    mail, _ = built(message, zone=zone)
    due = message.incident.promises.unanswered().get(track="business").due_at
    words = mails.marks.local_time(due, zone, "en")
    assert f"Next update: {words}" in body(mail, "plain")
    assert words in body(mail, "html")
    assert f"{due:%H:%M} UTC" in words
    assert mail["Subject"].endswith(f"– next {mails.marks.local_clock(due, zone)}")


def test_no_mark_is_left_and_no_line_is_too_long_or_has_more_than_7_bits(incident):
    for variant in (Variant.TECHNICAL, Variant.BUSINESS):
        message = message_on(publish(incident, texts=NOTES), variant)
        mail, raw = built(message, labels=["läden.example"] * 40, name="Ö" * 120)
        assert max(raw) < 128
        assert b"\r\n" in raw
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
        whole = mail["Subject"] + mail["To"] + body(mail, "plain") + body(mail, "html")
        assert OPEN not in whole
        assert CLOSE not in whole


@pytest.mark.parametrize(
    "name",
    ["Jo Jensen", "Jørgen Ångström", "李雷", 'Jo "the boss", Jensen', "Ü" * 120, "x" * 120, "", "a@b.example"],
)
def test_to_names_the_reader_exactly_in_words_that_fit(message, name):
    mail, raw = built(message, name=name)
    if name.isascii():
        assert [(one.display_name, one.addr_spec) for one in mail["To"].addresses] == [(name, "jo@customer.example")]
    else:  # the parser of structured headers leaves spaces between encoded words, which RFC 2047 (6.2) forbids
        parts = decode_header(message_from_bytes(raw)["To"])
        decoded = "".join(part.decode(charset or "ascii") for part, charset in parts)
        assert decoded.replace(" ", "") == f"{name}<jo@customer.example>".replace(" ", "")
        assert mail["To"].addresses[0].addr_spec == "jo@customer.example"
    for word in re.findall(rb"=\?[^?\s]+\?[^?\s]+\?[^?\s]*\?=", raw.split(b"\r\n\r\n")[0]):
        assert len(word) <= 75  # RFC 2047, section 2


def test_subject_with_other_letters_comes_back_whole(incident):
    Company.objects.update(name="Höfer & Söhne Rechenzentrumsbetriebsgesellschaft in Überlingen am Bodensee GmbH")
    mail, _ = built(message_on(publish(incident), Variant.BUSINESS))
    service = incident.impacts.get().component.service
    assert mail["Subject"].startswith(
        "Höfer & Söhne Rechenzentrumsbetriebsgesellschaft in Überlingen am Bodensee GmbH Service update: "
        f"{service} investigating – next "
    )


@pytest.mark.parametrize(
    ("count", "end"), [(1, "n00"), (10, "n09"), (11, "n09 and 1 more"), (12, "n09 and 2 more"), (300, "and 290 more")]
)
def test_up_to_ten_labels_are_named_and_the_rest_counted(message, count, end):
    labels = [f"n{n:02}" for n in range(count)]
    for subtype in ("plain", "html"):
        text = body(built(message, labels=labels)[0], subtype)
        (line,) = re.findall(r"Affected at Jensen (?:&amp;|&) Co: ([^\n<]*)", text)
        assert line.startswith(", ".join(labels[:10]))
        assert line.endswith(end)


def test_message_id_is_stable_over_attempts_and_one_a_delivery(message):
    one, again, other = (built(message, contact_point_id=n)[0]["Message-ID"] for n in (7, 7, 8))
    assert (one, again, other) == (
        f"<{message.key.hex}.7@localhost.localdomain>",
        f"<{message.key.hex}.7@localhost.localdomain>",
        f"<{message.key.hex}.8@localhost.localdomain>",
    )


def test_references_thread_an_incident_for_one_reader(incident):
    first = message_on(publish(incident), Variant.BUSINESS)
    second = message_on(publish(incident, IncidentStatus.IDENTIFIED), Variant.TECHNICAL)
    elsewhere = message_on(publish(make_incident(make_component())), Variant.BUSINESS)

    def thread(message: Message, point: int) -> str:
        mail, _ = built(message, contact_point_id=point)
        assert mail["References"] == mail["In-Reply-To"]
        return str(mail["References"])

    assert thread(first, 7) == thread(second, 7) == f"<incident-{incident.pk}.7@localhost.localdomain>"
    assert len({thread(first, 7), thread(first, 8), thread(elsewhere, 7)}) == 3


def test_headers_say_that_a_machine_wrote_and_how_to_stop_it(message):
    mail, raw = built(message)
    url = f"http://localhost:8000/unsubscribe/{unsubscribe_signer.sign(7)}/"
    assert mail["List-Unsubscribe"] == f"<{url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == MORNING
    assert mail["From"] == "Your Company Service <status@your-company.example>"
    assert mail["Reply-To"] == "Harbourline Hosting <support@your-company.example>"
    names = [line.split(b":")[0] for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b" ")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("field", ["name", "address", "account", "labels"])
def test_no_field_of_a_reader_can_add_a_header_or_markup(message, field):
    calm, _ = built(message)
    value = [EVIL] if field == "labels" else f"jo@customer.example{EVIL}" if field == "address" else EVIL
    mail, raw = built(message, **{field: value})
    assert mail.keys() == calm.keys()
    assert b"\r\nBcc:" not in raw.split(b"\r\n\r\n")[0]
    assert "<b>" not in body(mail, "html")
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_no_field_of_ours_can_add_a_header_a_mark_or_markup():
    Company.objects.update(name=EVIL[:80], sender_name=EVIL[:80], support_phone=EVIL[:40])
    component = make_component(EVIL[:60], cluster=EVIL[:60], region=EVIL[:60])
    component.service.name = EVIL[:60]
    component.service.save()
    incident = make_incident(component, title=EVIL)
    for variant in (Variant.TECHNICAL, Variant.BUSINESS):
        update = publish(incident, texts={v: Text(note=EVIL) for v in (Variant.TECHNICAL, Variant.BUSINESS)})
        mail, raw = built(message_on(update, variant))
        head = raw.split(b"\r\n\r\n")[0]
        assert b"\r\nBcc:" not in head
        assert mail["Bcc"] is None
        assert "<b>" not in body(mail, "html")
        assert body(mail, "plain").count("/i/") == 1  # the forged mark was filled with no link
        assert [list(part.defects) for part in mail.walk()] == [[], [], []]
