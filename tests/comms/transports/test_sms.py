import base64
from dataclasses import replace
from typing import Any

import pytest

from comms.transports.base import Accepted, Alarm, Rejected, Retry, Uncertain
from comms.transports.gsm7 import fit, gsm7_segments, gsm7_septets, to_gsm7
from comms.transports.http import HttpSettings
from comms.transports.sms import Sms, SmsProvider, SmsTransport
from comms.transports.sms_providers import GenericSms, Twilio
from tests.comms.transports.receiver import Receiver, close, hang, outcomes, reply

SMS = Sms(1, 2, "+4915112345678", "Payments delayed & more: https://s.example/7", "ref-1")


def twilio(receiver: Receiver, sender: str = "+15005550006") -> Twilio:
    return Twilio("AC123", "secret", sender, base=receiver.url("").removesuffix("/"))


def send(receiver: Receiver, provider: SmsProvider, *items: Sms, **changes: Any) -> Any:
    settings = HttpSettings(**{"allowed": receiver.allowed, **changes})
    return outcomes(SmsTransport(provider, settings), items or [SMS])


def test_twilio_is_given_its_form():
    with Receiver(reply(201, {"sid": "SM1", "status": "queued", "error_code": None})) as receiver:
        assert send(receiver, twilio(receiver)) == {1: Accepted(1, 2, 201, "SM1")}
    [request] = receiver.requests
    assert request.line == "POST /2010-04-01/Accounts/AC123/Messages.json HTTP/1.1"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"AC123:secret").decode()
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.form == {"To": ["+4915112345678"], "From": ["+15005550006"], "Body": [SMS.text]}


def test_twilio_messaging_service_is_named_as_one():
    with Receiver(reply(201, {"sid": "SM1"})) as receiver:
        send(receiver, twilio(receiver, "MG456"))
    assert receiver.requests[0].form["MessagingServiceSid"] == ["MG456"]
    assert "From" not in receiver.requests[0].form


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21610, Rejected),
        (400, 21211, Rejected),
        (400, 21614, Rejected),
        (400, 21635, Rejected),
        (400, 21606, Alarm),  # our sender
        (400, 21408, Alarm),  # a region we have not enabled
        (401, 20003, Alarm),
        (429, 20429, Retry),
        (400, 20429, Retry),
        (503, 20503, Retry),
        (408, None, Retry),
    ],
)
def test_twilio_refusals_are_told_apart(status, code, kind):
    with Receiver(reply(status, {"code": code, "message": "no", "status": status})) as receiver:
        outcome = send(receiver, twilio(receiver))[1]
    assert type(outcome) is kind
    assert outcome.code == status


@pytest.mark.parametrize("provider", ["twilio", "generic"])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_error_of_a_gateway_is_uncertain(provider, status):
    with Receiver(reply(status, "bad gateway")) as receiver:
        chosen = twilio(receiver) if provider == "twilio" else GenericSms(receiver.url(), "token")
        assert send(receiver, chosen) == {1: Uncertain(1, 2, f"{status} bad gateway")}


@pytest.mark.parametrize("behaviour", [close, hang])
def test_answer_that_does_not_come_is_uncertain_and_nothing_is_said_again(behaviour):
    with Receiver(behaviour) as receiver:
        outcome = send(receiver, twilio(receiver), deadline=1.0)[1]
        receiver.settle()
        assert isinstance(outcome, Uncertain)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"code":"x"}', b"[" * 60_000])
def test_body_that_twilio_would_not_send_is_judged_by_its_status(body):
    with Receiver(reply(400, body)) as receiver:
        assert isinstance(send(receiver, twilio(receiver))[1], Alarm)


def test_twilio_asks_to_wait():
    with Receiver(reply(429, {"code": 20429}, Retry_After="7")) as receiver:
        assert send(receiver, twilio(receiver))[1].retry_after == 7.0


def test_generic_gateway_is_given_json_and_a_token():
    with Receiver(reply(202, "taken")) as receiver:
        assert send(receiver, GenericSms(receiver.url(), "token")) == {1: Accepted(1, 2, 202, "taken")}
    [request] = receiver.requests
    assert request.headers["authorization"] == "Bearer token"
    assert request.headers["idempotency-key"] == "ref-1"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {"to": "+4915112345678", "text": SMS.text, "reference": "ref-1"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (410, Rejected),
        (422, Rejected),
        (429, Retry),
        (503, Retry),
        (400, Alarm),
        (401, Alarm),
        (404, Alarm),
        (302, Alarm),
    ],
)
def test_generic_refusals_are_told_apart(status, kind):
    with Receiver(reply(status)) as receiver:
        assert type(send(receiver, GenericSms(receiver.url(), "token"))[1]) is kind


@pytest.mark.parametrize(
    "number", ["", "015112345678", "+0151", "+49 151 12345678", "+49151\n", "+١٢٣٤٥٦٧٨", "+1234567890123456"]
)
def test_number_that_is_none_is_rejected(number):
    with Receiver() as receiver:
        outcome = send(receiver, twilio(receiver), replace(SMS, to=number))[1]
        assert outcome == Rejected(1, 2, None, "not a telephone number with its country code")
        assert receiver.connections == 0


@pytest.mark.parametrize("url", ["http://sms.example/", "https://10.0.0.1/", "nonsense"])
def test_provider_address_that_is_refused_is_our_mistake_and_not_the_number_s(url):
    transport = SmsTransport(GenericSms(url, "token"), HttpSettings())
    [outcome] = outcomes(transport, [SMS]).values()
    assert isinstance(outcome, Alarm)
    assert outcome.reply.startswith("the provider's address: ")


def test_token_that_would_end_its_header_is_an_alarm():
    with Receiver() as receiver:
        assert isinstance(send(receiver, GenericSms(receiver.url(), "a\r\nX: y"))[1], Alarm)
        assert receiver.connections == 0


def test_provider_that_is_away_is_tried_once_for_all():
    with Receiver() as gone:
        pass
    items = [replace(SMS, delivery_id=n) for n in range(1, 6)]
    answers = send(gone, GenericSms(gone.url(), "token"), *items, at_once=1)
    assert all(isinstance(answer, Retry) and answer.relay_down for answer in answers.values())


def test_secrets_are_not_shown():
    assert "secret" not in repr(Twilio("AC123", "secret", "+1"))
    assert "token" not in repr(GenericSms("https://sms.example/", "token"))


# What fits


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Grüße, señor! ÄÖÜ ß Δ £ é", "Grüße, señor! ÄÖÜ ß Δ £ é"),
        ("“Zitat” – ‘so’ … ok", "\"Zitat\" - 'so' ... ok"),
        ("ça va, Łódź, ïê", "ca va, Lodz, ie"),
        ("a\u0308", "ä"),
        ("a\u00a0b\u2009c\td", "a b c d"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("zero\u200bwidth\u00ad\x00\x1b", "zerowidth"),
        ("5 ≥ 4 → ½ ™", "5 >= 4 -> 1/2 TM"),
        ("日本 🔥", "?? ?"),
        ("€[]{}^~|\\", "€[]{}^~|\\"),
    ],
)
def test_to_gsm7_writes_what_is_close(text, sent):
    assert to_gsm7(text) == sent


def test_gsm7_septets_counts_the_extension_twice():
    assert gsm7_septets("abc") == 3
    assert gsm7_septets("€[]{}^~|\\") == 18
    assert gsm7_septets("…") == 3


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escape does not fit behind 152: one septet is lost
        ("€" * 152, 2),
        ("€" * 153, 3),
    ],
)
def test_gsm7_segments(text, segments):
    assert gsm7_segments(text) == segments


LINK = "https://s.example/i/7"


def test_fit_leaves_what_fits():
    assert fit("Payments are delayed.", LINK) == f"Payments are delayed. {LINK}"
    exact = "a" * (160 - 1 - len(LINK))
    assert fit(exact, LINK) == f"{exact} {LINK}"
    assert fit("a" * 160) == "a" * 160
    assert fit("", LINK) == LINK


def test_fit_cuts_between_words_and_never_the_link():
    sent = fit("word " * 100, LINK)
    assert sent == "word " * 26 + f"word... {LINK}"
    assert gsm7_septets(sent) <= 160


@pytest.mark.parametrize(
    "text", ["€" * 200, "a" * 500, "ä… " * 90, "日" * 300, "a€" * 100, "\n" * 400 + "x" * 300, " " * 500]
)
@pytest.mark.parametrize("link", ["", LINK, "https://s.example/" + "x" * 139, "https://s.example/" + "x" * 142])
def test_fit_keeps_to_one_sms_in_the_alphabet(text, link):
    sent = fit(text, link)
    assert gsm7_septets(sent) <= 160
    assert gsm7_segments(sent) <= 1
    assert to_gsm7(sent) == sent
    assert sent.endswith(link)


@pytest.mark.parametrize("link", ["https://s.example/" + "x" * 143, "https://s.example/`", "https://s.example/ł"])
def test_fit_refuses_a_link_it_would_have_to_change(link):
    with pytest.raises(ValueError, match="the link does not fit"):
        fit("text", link)
