"""The order of outcome, `before_data` and payload over all connections."""

import threading
from collections import deque
from collections.abc import Sequence

import pytest

from comms.transports.base import Accepted, Envelope, Outcome
from comms.transports.smtp import SmtpTransport
from demo.sink import Fault, Script, Sink
from tests.comms.transports.smtp.conftest import envelopes, kinds, send, settings


def dots(sink: Sink) -> int:
    return [line for _, line in sink.transcript].count(b".")


def said_data(sink: Sink) -> int:
    return [line for _, line in sink.transcript].count(b"DATA")


@pytest.mark.parametrize("pipelining", [True, False])
def test_before_data_names_each_message_once_and_before_it_leaves(pipelining: bool) -> None:
    named: list[int] = []
    with Sink(Script(pipelining=pipelining), record=True) as sink:

        def before_data(batch: Sequence[Envelope]) -> None:
            named.extend(e.delivery_id for e in batch)
            arrived = {mail.rcpt_to[0] for mail in sink.mails}
            assert not arrived & {e.recipient for e in batch}
            assert dots(sink) < len(named)

        assert kinds(send(sink, envelopes(50), before_data=before_data)) == ["Accepted"] * 50
    assert sorted(named) == list(range(1, 51))


def test_a_round_takes_every_connection_that_is_ready_in_one_call() -> None:
    calls: list[int] = []
    go_ahead = threading.Event()
    with Sink(Script([Fault("DATA", reply="")]), record=True) as sink:

        def answer_all_at_once() -> None:
            sink.wait_until(lambda: said_data(sink) == 4)
            for session in {session for session, line in sink.transcript if line == b"DATA"}:
                sink.say(session, "354 go ahead")
            sink.soon(go_ahead.set)

        def before_data(batch: Sequence[Envelope]) -> None:
            calls.append(len(batch))
            go_ahead.wait(30)  # the first may be early; from here on all four have their answer

        threading.Thread(target=answer_all_at_once, daemon=True).start()
        send(sink, envelopes(4), connections=4, before_data=before_data)
        assert sink.sessions == 4
    assert sum(calls) == 4
    assert len(calls) <= 2


def test_an_outcome_is_handed_out_before_the_next_message_of_its_connection_is_named() -> None:
    events: list[tuple[str, int]] = []
    with Sink() as sink:

        def before_data(batch: Sequence[Envelope]) -> None:
            events.extend(("named", e.delivery_id) for e in batch)

        transport = SmtpTransport(settings(sink, connections=1))
        for outcome in transport.send(envelopes(4), before_data=before_data):
            events.append(("outcome", outcome.delivery_id))
    assert events == [(kind, number) for number in range(1, 5) for kind in ("named", "outcome")]


def test_before_data_that_raises_lets_nothing_leave_and_closes() -> None:
    def before_data(batch: Sequence[Envelope]) -> None:
        raise RuntimeError("no database")

    with Sink(record=True) as sink:
        with pytest.raises(RuntimeError, match="no database"):
            send(sink, envelopes(20), before_data=before_data)
        sink.wait_until(lambda: sink.open_sessions == 0)
        assert (sink.count, dots(sink)) == (0, 0)


def test_before_data_that_raises_keeps_the_outcome_of_what_is_under_way() -> None:
    silent = [Fault("RCPT", "", matching="r2@"), Fault("DOT", "")]
    with Sink(Script(silent, pipelining=False), record=True) as sink:

        def session_of(recipient: bytes) -> int:
            return next(session for session, line in sink.transcript if recipient in line)

        def let_the_second_come_when_the_first_has_left() -> None:
            sink.wait_until(lambda: dots(sink) == 1 and any(b"<r2@" in line for _, line in sink.transcript))
            sink.say(session_of(b"<r2@"), "250 2.1.5 ok")

        def before_data(batch: Sequence[Envelope]) -> None:
            if batch[0].delivery_id == 2:
                sink.say(session_of(b"<r1@"), "250 2.0.0 taken")
                raise RuntimeError("no database")

        outcomes: list[Outcome] = []
        helper = threading.Thread(target=let_the_second_come_when_the_first_has_left)
        helper.start()
        sending = SmtpTransport(settings(sink, connections=2)).send(envelopes(2), before_data=before_data)
        with pytest.raises(RuntimeError, match="no database"):
            deque(map(outcomes.append, sending))
        helper.join()
        assert [mail.rcpt_to for mail in sink.mails] == [("r1@test",)]
    assert outcomes == [Accepted(1, 1, 250, "2.0.0 taken")]


def test_time_in_the_caller_is_not_the_servers() -> None:
    """Neither a commit nor a reader slower than the deadline makes anything uncertain."""
    never = threading.Event()

    def before_data(batch: Sequence[Envelope]) -> None:
        if batch[0].delivery_id == 1:
            never.wait(1.1)

    outcomes = []
    with Sink() as sink:
        transport = SmtpTransport(settings(sink, connections=1, deadline=1.0))
        for outcome in transport.send(envelopes(2), before_data=before_data):
            if outcome.delivery_id == 1:
                never.wait(1.1)
            outcomes.append(type(outcome))
    assert outcomes == [Accepted] * 2


def test_a_server_that_leaves_during_before_data_makes_nothing_uncertain() -> None:
    with Sink(record=True) as sink:

        def before_data(batch: Sequence[Envelope]) -> None:
            sink.cut()

        outcomes = send(sink, envelopes(1), before_data=before_data)
        assert (kinds(outcomes), sink.count) == (["Retry"], 0)


def test_closing_the_generator_closes_the_connections() -> None:
    with Sink(record=True) as sink:
        outcomes = SmtpTransport(settings(sink, connections=2)).send(envelopes(10), before_data=lambda _: None)
        next(outcomes)
        outcomes.close()
        sink.wait_until(lambda: sink.open_sessions == 0)
