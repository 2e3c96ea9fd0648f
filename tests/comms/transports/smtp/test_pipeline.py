"""One connection's transactions: what arrives, and what each refusal means (RELIABILITY R9)."""

import pytest

from comms.transports.base import Accepted, Alarm, Rejected, Retry
from comms.transports.smtp.pipeline import stuffed
from demo.sink import Fault, Script, Sink
from tests.comms.transports.smtp.conftest import BODY, envelope, envelopes, kinds, send

PAYLOADS = [
    b".\r\n..\r\n...\r\n.leading\r\n",
    b"Subject: x\r\n\r\n.\r\n.\r\n\r\n.",
    "Subject: grün\r\n\r\n8 bit: äöü €\r\n".encode(),
    b"Subject: nothing else\r\n\r\n",
    b"",
    b"Subject: big\r\n\r\n" + b".0123456789\r\n" * 200_000,
]


@pytest.mark.parametrize("pipelining", [True, False])
def test_send_delivers_every_byte(pipelining: bool) -> None:
    batch = [envelope(n, payload) for n, payload in enumerate(PAYLOADS, 1)]
    with Sink(Script(pipelining=pipelining)) as sink:
        outcomes = send(sink, batch)
        received = {mail.rcpt_to[0]: mail.raw for mail in sink.wait_for(len(batch))}
    assert set(outcomes.values()) == {Accepted(n, 1, 250, "2.0.0 taken") for n in range(1, len(batch) + 1)}
    whole = [p if p.endswith(b"\r\n") or not p else p + b"\r\n" for p in PAYLOADS]
    assert received == {f"r{n}@test": payload for n, payload in enumerate(whole, 1)}


def test_send_declares_size_and_8_bit_only_where_needed() -> None:
    with Sink() as sink:
        send(sink, [envelope(1, "é\r\n".encode())])
        send(sink, [envelope(2, b"e\r\n")])
        assert [mail.parameters for mail in sink.mails] == ["SIZE=4 BODY=8BITMIME", "SIZE=3"]


def test_stuffed_keeps_a_lone_dot_from_ending_the_message() -> None:
    assert stuffed(b".\r\na\r\n.\r\n") == b"..\r\na\r\n..\r\n.\r\n"


def test_pipelined_commands_travel_behind_the_final_dot() -> None:
    with Sink(record=True) as sink:
        send(sink, envelopes(3), connections=1)
        verbs = [line.split(b" ")[0] for _, line in sink.transcript]
    group = [b"MAIL", b"RCPT", b"DATA"]
    assert verbs == [b"EHLO", *group, b".", *group, b".", *group, b".", b"QUIT"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_refused_recipients_harm_no_others(pipelining: bool) -> None:
    script = Script([Fault("RCPT", "550 5.1.1 no such user", matching="<r[24]@")], pipelining=pipelining)
    with Sink(script) as sink:
        outcomes = send(sink, envelopes(5), connections=1)
        assert sorted(mail.rcpt_to[0] for mail in sink.mails) == ["r1@test", "r3@test", "r5@test"]
    assert kinds(outcomes) == ["Accepted", "Rejected", "Accepted", "Rejected", "Accepted"]
    assert outcomes[2] == Rejected(2, 1, 550, "5.1.1 no such user")


def test_refused_recipient_followed_by_354_gets_a_lone_dot() -> None:
    faults = [Fault("RCPT", "550 5.1.1 no", matching="<r1@"), Fault("DATA", "354 go on", times=1)]
    with Sink(Script(faults), record=True) as sink:
        outcomes = send(sink, envelopes(2), connections=1)
        assert [mail.rcpt_to for mail in sink.mails] == [("r2@test",)]
        assert [line for _, line in sink.transcript][4:6] == [
            b".",
            b"MAIL FROM:<us@test> SIZE=%d" % len(BODY),
        ]
    assert kinds(outcomes) == ["Rejected", "Accepted"]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("MAIL", "451 4.3.0 later"), Retry(1, 1, 451, "4.3.0 later")),
        (Fault("MAIL", "550 5.7.1 not you"), Alarm(1, 1, 550, "5.7.1 not you")),
        (Fault("RCPT", "450 4.2.0 busy"), Retry(1, 1, 450, "4.2.0 busy")),
        (Fault("RCPT", "550 5.1.1 gone\nfor good"), Rejected(1, 1, 550, "5.1.1 gone for good")),
        (Fault("RCPT", "530 5.7.0 log in"), Alarm(1, 1, 530, "5.7.0 log in")),
        (Fault("DATA", "451 4.3.0 later"), Retry(1, 1, 451, "4.3.0 later")),
        (Fault("DATA", "554 5.0.0 no"), Alarm(1, 1, 554, "5.0.0 no")),
        (Fault("DOT", "452 4.3.1 full"), Retry(1, 1, 452, "4.3.1 full")),
        (Fault("DOT", "554 5.7.1 spam"), Alarm(1, 1, 554, "5.7.1 spam")),
    ],
)
def test_each_refusal_means_one_thing_and_the_connection_goes_on(
    fault: Fault, outcome: object, pipelining: bool
) -> None:
    with Sink(Script([Fault(fault.at, fault.reply, times=1)], pipelining=pipelining)) as sink:
        outcomes = send(sink, envelopes(2), connections=1)
        assert (sink.count, sink.sessions) == (1, 1)
    assert outcomes[1] == outcome
    assert kinds(outcomes)[1] == "Accepted"


def test_554_after_data_for_all_alarms_and_rejects_none() -> None:
    with Sink(Script([Fault("DOT", "554 5.7.1 no")])) as sink:
        assert set(kinds(send(sink, envelopes(20)))) == {"Alarm"}
        assert sink.count == 0


def test_a_reply_of_control_characters_is_stored_as_one_printable_line() -> None:
    with Sink(Script([Fault("RCPT", "550-5.1.1 a\x00b\r\n550 \x1b[31mred")])) as sink:
        assert send(sink, envelopes(1))[1] == Rejected(1, 1, 550, "5.1.1 a b  [31mred")
