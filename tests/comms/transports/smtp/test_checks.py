"""Envelopes that must not reach the wire, and that harm no others."""

import pytest

from comms.transports.base import Alarm, Rejected
from demo.sink import Script, Sink
from tests.comms.transports.smtp.conftest import envelope, kinds, send


@pytest.mark.parametrize(
    "recipient",
    [
        "a@test>\r\nRCPT TO:<other@test",
        "a@test\r\n",
        "a@test\n",
        "a\x00@test",
        "a b@test",
        "<a@test>",
        "a@test> SIZE=1",
        "a@te\u2028st",
        "a@te\ud800st",
        '"a\r\n"@test',
        "nobody",
        "@test",
        "a@" + "t" * 300,
    ],
)
def test_send_rejects_what_is_no_address_without_offering_it(recipient: str) -> None:
    with Sink(Script(utf8=True), record=True) as sink:
        outcomes = send(sink, [envelope(1), envelope(2, recipient=recipient), envelope(3)])
        assert sorted(mail.rcpt_to for mail in sink.mails) == [("r1@test",), ("r3@test",)]
        assert len([line for _, line in sink.transcript if line.startswith(b"RCPT")]) == 2
    assert outcomes[2] == Rejected(2, 1, None, "not an e-mail address")
    assert kinds(outcomes) == ["Accepted", "Rejected", "Accepted"]


def test_send_alarms_for_a_sender_that_is_no_address() -> None:
    with Sink() as sink:
        outcomes = send(sink, [envelope(1, sender="us@test>\r\nRSET"), envelope(2)])
    assert outcomes[1] == Alarm(1, 1, None, "the sender is not an e-mail address")
    assert kinds(outcomes)[1] == "Accepted"


def test_send_takes_the_null_sender_and_a_quoted_local_part() -> None:
    with Sink() as sink:
        send(sink, [envelope(1, sender="", recipient='"a b"@test')])
        assert [(mail.mail_from, mail.rcpt_to) for mail in sink.mails] == [("", ('"a b"@test',))]


@pytest.mark.parametrize("payload", [b"a\n.\nMAIL FROM:<x@test>\r\n", b"a\r.\r\n", b"\n", b"a\r\r\n"])
def test_send_alarms_for_bare_line_ends(payload: bytes) -> None:
    with Sink() as sink:
        outcomes = send(sink, [envelope(1, payload), envelope(2)])
        assert sink.count == 1
    assert outcomes[1] == Alarm(1, 1, None, "the message has a bare CR or LF")


def test_send_needs_smtputf8_for_an_address_beyond_ascii() -> None:
    batch = [envelope(1, recipient="jürgen@bücher.test"), envelope(2), envelope(3, sender="wir@köln.test")]
    with Sink() as sink:
        outcomes = send(sink, batch)
        assert [mail.rcpt_to for mail in sink.mails] == [("r2@test",)]
    assert kinds(outcomes) == ["Rejected", "Accepted", "Alarm"]
    with Sink(Script(utf8=True)) as sink:
        assert kinds(send(sink, batch)) == ["Accepted"] * 3
        assert ("jürgen@bücher.test",) in [mail.rcpt_to for mail in sink.mails]


def test_send_alarms_for_what_the_relay_cannot_carry() -> None:
    with Sink(Script(eight_bit=False, size=1000)) as sink:
        outcomes = send(sink, [envelope(1, "ä\r\n".encode()), envelope(2, b"a\r\n" * 400), envelope(3)])
        assert sink.count == 1
    assert outcomes[1] == Alarm(1, 1, None, "the message has 8-bit bytes and the relay does not offer 8BITMIME")
    assert outcomes[2] == Alarm(2, 1, None, "the message has 1200 bytes, the relay takes 1000")
