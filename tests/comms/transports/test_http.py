import ipaddress
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from comms.transports.base import Accepted, Alarm, Item, Outcome, Rejected, Retry, Uncertain
from comms.transports.http import Answer, HttpSettings, Outbox, Request, by_status, refusal_of
from comms.transports.http.addresses import is_public
from comms.transports.http.messages import MAX_WAIT, seconds_to_wait
from tests.comms.transports.conftest import Authority
from tests.comms.transports.receiver import (
    Receiver,
    close,
    drip,
    hang,
    outcomes,
    raw,
    reply,
    wait_for_the_end,
)

PATIENT = 15.0


@dataclass(frozen=True)
class Note:
    delivery_id: int
    attempt: int
    url: str
    body: bytes = b"hello"
    header: str = "one"


def outbox(allowed: frozenset[str] = frozenset(), **changes: Any) -> Outbox[Note]:
    settings = HttpSettings(**{"allowed": allowed, "deadline": PATIENT, **changes})
    return Outbox(settings, request=lambda n: Request(n.url, n.body, {"X-Note": n.header}), judge=by_status)


def send(receiver: Receiver, *notes: Note, **changes: Any) -> Any:
    return outcomes(outbox(**{"allowed": receiver.allowed, **changes}), notes)


def one(receiver: Receiver, *, body: bytes = b"hello", header: str = "one", **changes: Any) -> Any:
    return send(receiver, Note(1, 3, receiver.url(), body, header), **changes)[1]


def test_request_is_what_was_asked_for_and_nothing_else():
    with Receiver(reply(200, "thanks")) as receiver:
        outcome = one(receiver)

    assert outcome == Accepted(1, 3, 200, "thanks")
    [request] = receiver.requests
    assert request.raw == (
        b"POST /hook HTTP/1.1\r\nHost: localhost:%d\r\nUser-Agent: twotrack\r\nAccept-Encoding: identity\r\n"
        b"Connection: close\r\nX-Note: one\r\nContent-Length: 5\r\n\r\nhello"
    ) % (receiver.port)


def test_query_is_kept_and_fragment_is_not():
    with Receiver() as receiver:
        send(receiver, Note(1, 1, receiver.url("/a/b?c=d%20e#f")))
    assert receiver.requests[0].line == "POST /a/b?c=d%20e HTTP/1.1"


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_2xx_is_accepted(code):
    with Receiver(reply(code)) as receiver:
        assert one(receiver) == Accepted(1, 3, code, "Reason")


@pytest.mark.parametrize("code", [400, 401, 404, 408, 425, 429, 500, 502, 503, 504])
def test_other_answers_are_worth_another_attempt(code):
    with Receiver(reply(code, "no")) as receiver:
        assert one(receiver) == Retry(1, 3, code, "no")


def test_gone_is_for_good():
    with Receiver(reply(410, "go away")) as receiver:
        assert one(receiver) == Rejected(1, 3, 410, "go away")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(code):
    with Receiver() as elsewhere, Receiver(reply(code, "over there", Location=elsewhere.url())) as receiver:
        outcome = one(receiver, allowed=receiver.allowed | elsewhere.allowed)
    assert outcome == Retry(1, 3, code, "redirects are not followed: over there")
    assert elsewhere.requests == []


@pytest.mark.parametrize(("said", "seconds"), [("17", 17.0), ("0", 0.0), ("9" * 400, MAX_WAIT), ("soon", None)])
def test_retry_after_comes_back_in_seconds(said, seconds):
    with Receiver(reply(429, "slower", Retry_After=said)) as receiver:
        assert one(receiver) == Retry(1, 3, 429, "slower", retry_after=seconds)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
        ("Sun, 06 Nov 1994 08:48:00 GMT", 0.0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", MAX_WAIT),
        ("-5", None),
        ("", None),
    ],
)
def test_seconds_to_wait_reads_dates(said, seconds):
    assert seconds_to_wait(said, 784111740.0) == seconds


def test_reply_is_one_printable_line():
    with Receiver(reply(500, b"a\r\nb\x00\x1b[31mc\xff" + b"d" * 1000)) as receiver:
        outcome = one(receiver)
    assert outcome.reply == ("a b [31mc\ufffd" + "d" * 1000)[:500]


def test_hanging_receiver_is_uncertain_after_the_deadline():
    with Receiver(hang) as receiver:
        assert one(receiver, deadline=0.5) == Uncertain(1, 3, "no answer within 0.5 s")


def test_dripping_head_does_not_outlast_the_deadline():
    slow = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"s", b"\r\nContent-Length: 0\r\n\r\n")
    with Receiver(slow) as receiver:
        assert one(receiver, deadline=0.5) == Uncertain(1, 3, "no answer within 0.5 s")


def test_endless_interim_answers_are_uncertain():
    with Receiver(raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)) as receiver:
        outcome = one(receiver)
    assert isinstance(outcome, Uncertain)
    assert "an answer without end" in outcome.reason


def test_dripping_body_does_not_change_what_the_head_said():
    slow = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", b"s", b"")
    with Receiver(slow) as receiver:
        outcome = one(receiver, deadline=2.0)
    assert isinstance(outcome, Accepted)
    assert set(outcome.reply) == {"s"}
    assert len(outcome.reply) < 400


def test_huge_body_is_not_read():
    ended = threading.Event()

    def huge(receiver: Receiver, client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                client.sendall(b"x" * 65536)
        except OSError:
            ended.set()

    with Receiver(huge) as receiver:
        assert one(receiver) == Accepted(1, 3, 200, "x" * 500)
    assert ended.is_set()


def test_no_more_of_a_body_is_kept_than_64_kb():
    kept: list[int] = []

    def judge(note: Note, answer: Answer) -> Outcome:
        kept.append(len(answer.body))
        return by_status(note, answer)

    with Receiver(reply(200, b"x" * 100_000), reply(200, b"x" * 65_000)) as receiver:
        settings = HttpSettings(allowed=receiver.allowed)
        box: Outbox[Note] = Outbox(settings, request=lambda n: Request(n.url, b"", {}), judge=judge)
        outcomes(box, [Note(1, 1, receiver.url())])
        outcomes(box, [Note(2, 1, receiver.url())])
    assert kept == [65_536, 65_000]


def test_chunked_answer_is_read():
    with Receiver(raw(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nout\r\n0\r\n\r\n")) as receiver:
        assert one(receiver) == Retry(1, 3, 500, "out")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
    ],
)
def test_answer_that_is_none_is_uncertain(answer):
    with Receiver(raw(answer)) as receiver:
        assert isinstance(one(receiver), Uncertain)


def test_hanging_up_after_the_request_is_uncertain():
    with Receiver(close) as receiver:
        outcome = one(receiver)
    assert isinstance(outcome, Uncertain)
    assert outcome.reason.startswith("connection lost")


def test_request_that_cannot_have_arrived_whole_is_retried():
    with Receiver(close, reads=False) as receiver:
        outcome = one(receiver, body=b"x" * 50_000_000)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.relay_down) == (None, False)


def test_nobody_listening_is_retried_and_the_host_is_down():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    box = outbox(frozenset({f"localhost:{port}"}))
    [outcome] = outcomes(box, [Note(1, 1, f"http://localhost:{port}/")]).values()
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.relay_down) == (None, True)
    assert "refused" in outcome.reply


def test_name_that_does_not_exist_is_retried():
    box = outbox(deadline=3.0)
    [outcome] = outcomes(box, [Note(1, 1, "https://nowhere.invalid/")]).values()
    assert isinstance(outcome, Retry)
    assert outcome.relay_down


# Where a post may go


def test_name_that_leads_inside_is_not_connected_to():
    with Receiver() as receiver:
        url = receiver.url(scheme="https")
        [outcome] = outcomes(outbox(), [Note(1, 1, url)]).values()
        assert outcome == Retry(1, 1, None, "localhost does not lead to a public address", relay_down=True)
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[64:ff9b::7f00:1]", "[64:ff9b::808:808]",
        "[fe80::1]", "[fc00::1]", "[ff02::1]", "[2002:7f00:1::]", "[2001:0:1::1]", "[2001:db8::1]", "[::127.0.0.1]",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_refused(host):
    [outcome] = outcomes(outbox(), [Note(1, 1, f"https://{host}/")]).values()
    assert outcome == Rejected(1, 1, None, "the URL leads to an address that is not public")


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", "https:///path", "https://:443/",
        "https://user:secret@example.com/", "https://example.com:0/", "https://example.com:99999/",
        "https://example.com:x/", "https://exa mple.com/", "https://example.com/\r\nX: y", "https://example.com/\tx",
        "https://münchen.example/", "https://example.com/ü", "https://[fe80::1%25lo]/", "https://[::1/",
        "https://exam%70le.com/", "https://.example.com/", "https://a..b/", f"https://{'a' * 64}.example/",
        "https://example.com/" + "a" * 2048, "https://example.com\\@127.0.0.1/",
    ],
)  # fmt: skip
def test_url_that_is_none_is_refused(url):
    [outcome] = outcomes(outbox(), [Note(1, 1, url)]).values()
    assert isinstance(outcome, Rejected)
    assert outcome.code is None
    assert refusal_of(url, HttpSettings()) == outcome.reply


def test_plain_http_is_for_allowed_targets_only():
    assert refusal_of("https://example.com/", HttpSettings()) is None
    assert "use https" in str(refusal_of("http://example.com/", HttpSettings()))
    assert refusal_of("http://example.com/", HttpSettings(allowed=frozenset({"example.com:80"}))) is None


def test_plain_http_to_a_public_address_is_refused_beside_an_allowed_network():
    settings = HttpSettings(allowed=frozenset({"10.0.0.0/8"}))
    assert refusal_of("http://10.1.2.3/", settings) is None
    assert "not public" in str(refusal_of("http://8.8.8.8/", settings))
    assert refusal_of("https://8.8.8.8/", settings) is None


@pytest.mark.parametrize("entry", ["127.0.0.0/8", "127.0.0.1"])
def test_allowed_network_is_reached_by_name_and_by_number(entry):
    with Receiver() as receiver:
        notes = [Note(1, 1, receiver.url()), Note(2, 1, receiver.url(host="127.0.0.1"))]
        answers = send(receiver, *notes, allowed=frozenset({entry}))
    assert answers == {1: Accepted(1, 1, 200, "Reason"), 2: Accepted(2, 1, 200, "Reason")}


def test_allowed_target_is_allowed_on_its_port_only():
    with Receiver() as receiver, Receiver() as neighbour:
        [outcome] = send(receiver, Note(1, 1, neighbour.url(scheme="https"))).values()
        assert isinstance(outcome, Retry)
        assert neighbour.connections == 0


@pytest.mark.parametrize("entry", ["localhost", "10.0.0.1/8", "example.com:https", "", "https://example.com:443"])
def test_settings_refuse_an_entry_that_allows_nothing(entry):
    with pytest.raises(ValueError, match=r"does not appear|has host bits set"):
        HttpSettings(allowed=frozenset({entry}))


@pytest.mark.parametrize("ip", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_is_public_lets_the_internet_through(ip):
    assert is_public(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    "ip", ["192.0.0.8", "192.88.99.1", "240.0.0.1", "239.1.1.1", "3fff::1", "5f00::1", "2001:20::1"]
)
def test_is_public_holds_back_special_addresses(ip):
    assert not is_public(ipaddress.ip_address(ip))


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
        assert isinstance(one(receiver), Accepted)
        assert proxy.connections == 0


def test_cookies_are_not_kept():
    with Receiver(reply(200, Set_Cookie="a=b")) as receiver:
        send(receiver, Note(1, 1, receiver.url()), Note(2, 1, receiver.url()), at_once=1)
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


def test_header_that_would_end_its_line_is_an_alarm_and_nothing_leaves():
    with Receiver() as receiver:
        assert one(receiver, header="a\r\nX: y") == Alarm(1, 3, None, "the header 'X-Note' cannot be sent")
        assert receiver.connections == 0


# TLS


def test_https_names_the_host_and_verifies_it(authority: Authority):
    with Receiver(tls=authority.server) as receiver:
        note = Note(1, 1, receiver.url(scheme="https"))
        assert send(receiver, note, ca_file=authority.file)[1] == Accepted(1, 1, 200, "Reason")
    assert receiver.requests[0].headers["host"] == f"localhost:{receiver.port}"


def test_https_sends_the_name_in_the_handshake(authority: Authority):
    names: list[str | None] = []
    authority.server.sni_callback = lambda _, name, __: names.append(name)
    try:
        with Receiver(tls=authority.server) as receiver:
            send(receiver, Note(1, 1, receiver.url(scheme="https")), ca_file=authority.file)
    finally:
        authority.server.sni_callback = None
    assert names == ["localhost"]


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_https_without_a_fitting_certificate_says_nothing(authority: Authority, host, trusted):
    with Receiver(tls=authority.server) as receiver:
        note = Note(1, 1, receiver.url(host=host, scheme="https"))
        outcome = send(receiver, note, ca_file=authority.file if trusted else None)[1]
        receiver.settle()
        assert isinstance(outcome, Retry)
        assert outcome.relay_down
        assert "certificate" in outcome.reply
        assert receiver.requests == []


def test_silent_handshake_ends_with_the_deadline():
    with Receiver(hang, reads=False) as receiver:
        outcome = send(receiver, Note(1, 1, receiver.url(scheme="https")), deadline=0.5)[1]
    assert isinstance(outcome, Retry)
    assert outcome.relay_down


# The contract of `send`


def test_nothing_to_send_sends_nothing():
    assert outcomes(outbox(), []) == {}


def test_every_item_is_named_once_before_it_leaves():
    named: list[int] = []

    with Receiver() as receiver:

        def before(coming: Sequence[Item]) -> None:
            arrived = {int(request.headers["x-note"]) for request in receiver.requests}
            assert not arrived & {item.delivery_id for item in coming}
            named.extend(item.delivery_id for item in coming)

        notes = [Note(n, 1, receiver.url(), header=str(n)) for n in range(1, 31)]
        answers = outcomes(outbox(receiver.allowed), notes, before)
    assert sorted(named) == list(range(1, 31))
    assert [type(answers[n]) for n in range(1, 31)] == [Accepted] * 30
    assert sorted(int(request.headers["x-note"]) for request in receiver.requests) == list(range(1, 31))


def test_before_data_runs_in_the_thread_of_the_caller():
    threads: list[threading.Thread] = []
    with Receiver() as receiver:
        outcomes(
            outbox(receiver.allowed), [Note(1, 1, receiver.url())], lambda _: threads.append(threading.current_thread())
        )
    assert threads == [threading.current_thread()]


def test_refused_items_are_not_named():
    named: list[Item] = []
    outcomes(outbox(), [Note(1, 1, "http://example.com/"), Note(2, 1, "https://10.0.0.1/")], named.extend)
    assert named == []


def test_outcome_is_told_before_the_next_item_of_its_connection_leaves():
    story: list[tuple[str, int]] = []
    with Receiver() as receiver:
        notes = [Note(n, 1, receiver.url()) for n in (1, 2, 3)]
        box = outbox(receiver.allowed, at_once=1)
        for outcome in box.send(notes, before_data=lambda coming: story.append(("leaves", coming[0].delivery_id))):
            story.append(("told", outcome.delivery_id))
    assert story == [(word, n) for n in (1, 2, 3) for word in ("leaves", "told")]


class Interrupted(Exception):
    pass


def test_before_data_that_raises_lets_nothing_leave():
    def before(coming: Sequence[Item]) -> None:
        raise Interrupted

    with Receiver() as receiver:
        notes = [Note(n, 1, receiver.url()) for n in range(1, 21)]
        with pytest.raises(Interrupted):
            list(outbox(receiver.allowed).send(notes, before_data=before))
        receiver.settle()
        assert receiver.requests == []
        assert set(receiver.unfinished) == {b""}  # connected, and not a byte said


def test_outcomes_of_what_has_left_are_told_when_before_data_raises():
    named: list[int] = []
    told: list[int] = []

    def before(coming: Sequence[Item]) -> None:
        if named:
            raise Interrupted
        named.extend(item.delivery_id for item in coming)

    def consume(receiver: Receiver) -> None:
        notes = [Note(n, 1, receiver.url()) for n in range(1, 21)]
        for outcome in outbox(receiver.allowed).send(notes, before_data=before):
            told.append(outcome.delivery_id)

    with Receiver() as receiver:
        with pytest.raises(Interrupted):
            consume(receiver)
        receiver.settle()
        assert len(receiver.requests) == len(named)
    assert named
    assert sorted(told) == sorted(named)


def test_closed_early_lets_nothing_more_leave():
    named: list[int] = []
    with Receiver() as receiver:
        notes = [Note(n, 1, receiver.url()) for n in range(1, 21)]
        sending = outbox(receiver.allowed, at_once=2).send(
            notes, before_data=lambda coming: named.extend(item.delivery_id for item in coming)
        )
        next(sending)
        sending.close()
        receiver.settle()
        assert len(receiver.requests) == len(named) < 20


def test_slow_receiver_does_not_hold_up_the_others():
    others_done = threading.Event()

    def patient(receiver: Receiver, client: socket.socket) -> None:
        assert others_done.wait(PATIENT)
        reply(200, "at last")(receiver, client)

    told: list[int] = []
    with Receiver(patient) as slow, Receiver() as quick:
        notes = [Note(1, 1, slow.url()), *(Note(n, 1, quick.url()) for n in range(2, 12))]
        for outcome in outbox(slow.allowed | quick.allowed, at_once=2).send(notes, before_data=lambda _: None):
            assert isinstance(outcome, Accepted)
            told.append(outcome.delivery_id)
            if len(told) == 10:
                others_done.set()
    assert sorted(told[:10]) == list(range(2, 12))
    assert told[10] == 1


def test_host_that_let_its_time_run_out_is_left_alone_for_the_rest():
    with Receiver(hang) as hanging, Receiver() as other:
        notes = [Note(1, 1, hanging.url()), Note(2, 1, hanging.url()), Note(3, 1, other.url())]
        answers = outcomes(outbox(hanging.allowed | other.allowed, at_once=1, deadline=2.0), notes)
        assert hanging.connections == 1
    assert answers == {
        1: Uncertain(1, 1, "no answer within 2 s"),
        2: Retry(2, 1, None, "no answer within 2 s", relay_down=True),
        3: Accepted(3, 1, 200, "Reason"),
    }


def test_host_that_hung_up_once_is_tried_for_the_rest():
    with Receiver(close, reply(200)) as receiver:
        answers = send(receiver, Note(1, 1, receiver.url()), Note(2, 1, receiver.url()), at_once=1)
    assert [type(answers[n]) for n in (1, 2)] == [Uncertain, Accepted]


def test_time_of_the_caller_does_not_count_against_the_receiver():
    passed = threading.Event()
    with Receiver() as receiver:
        box = outbox(receiver.allowed, deadline=2.0)
        [outcome] = outcomes(box, [Note(1, 1, receiver.url())], lambda _: bool(passed.wait(2.5))).values()
    assert isinstance(outcome, Accepted)


def test_fault_of_ours_reaches_the_caller_and_the_others_are_told():
    def judge(note: Note, answer: Any) -> Any:
        return by_status(note, answer) if note.delivery_id == 1 else 1 // 0

    with Receiver() as receiver:
        settings = HttpSettings(allowed=receiver.allowed, at_once=1)
        box: Outbox[Note] = Outbox(settings, request=lambda n: Request(n.url, b"", {}), judge=judge)
        sending = box.send([Note(1, 1, receiver.url()), Note(2, 1, receiver.url())], before_data=lambda _: None)
        assert next(sending) == Accepted(1, 1, 200, "Reason")
        with pytest.raises(ZeroDivisionError):
            next(sending)


def test_early_answer_to_an_unread_request_is_believed():
    def too_large(receiver: Receiver, client: socket.socket) -> None:
        client.recv(1024)
        reply(413, "too much")(receiver, client)
        client.shutdown(socket.SHUT_WR)
        wait_for_the_end(client)

    with Receiver(too_large, reads=False) as receiver:
        assert one(receiver, body=b"x" * 1_000_000) == Retry(1, 3, 413, "too much")
