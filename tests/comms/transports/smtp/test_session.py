"""TLS, AUTH, and every way in which a connection can fail to become ready."""

import pytest

from comms.transports.base import Retry
from comms.transports.smtp import SmtpSettings, SmtpTransport
from demo.sink import Fault, Script, Sink
from tests.comms.transports.smtp.conftest import Certificate, envelope, envelopes, kinds, send

BIG = b"Subject: big\r\n\r\n" + b".0123456789\r\n" * 100_000


def only_retry(sink: Sink, **changes: object) -> Retry:
    """The outcome of one message that could not be offered."""
    outcome = send(sink, envelopes(1), **changes)[1]
    assert sink.count == 0
    assert isinstance(outcome, Retry)
    assert outcome.relay_down
    return outcome


@pytest.mark.parametrize("pipelining", [True, False])
def test_starttls_carries_mails_of_any_size(certificate: Certificate, pipelining: bool) -> None:
    script = Script(starttls=certificate.server, pipelining=pipelining)
    batch = [envelope(n, BIG if n % 3 == 0 else b"x\r\n") for n in range(1, 10)]
    with Sink(script, record=True) as sink:
        outcomes = send(sink, batch, security="starttls", ca_file=certificate.file, connections=1)
        assert kinds(outcomes) == ["Accepted"] * 9
        assert {mail.rcpt_to[0]: mail.raw for mail in sink.mails} == {e.recipient: e.payload for e in batch}
        verbs = [line.split(b" ")[0] for _, line in sink.transcript]
    assert verbs[:3] == [b"EHLO", b"STARTTLS", b"EHLO"]


def test_implicit_tls_with_login(certificate: Certificate) -> None:
    with Sink(Script(tls=certificate.server, login=("us", "söcret"))) as sink:
        outcomes = send(sink, envelopes(3), security="tls", ca_file=certificate.file, username="us", password="söcret")
    assert kinds(outcomes) == ["Accepted"] * 3


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_login_after_starttls(certificate: Certificate, mechanism: str) -> None:
    script = Script(starttls=certificate.server, login=("us", "secret"), mechanisms=mechanism)
    login = {"security": "starttls", "ca_file": certificate.file, "username": "us"}
    with Sink(script) as sink:
        assert only_retry(sink, **login, password="wrong").code == 535
        assert kinds(send(sink, envelopes(3), **login, password="secret")) == ["Accepted"] * 3


def test_an_unknown_certificate_is_not_trusted(certificate: Certificate) -> None:
    with Sink(Script(starttls=certificate.server)) as sink:
        assert "CERTIFICATE_VERIFY_FAILED" in only_retry(sink, security="starttls").reply
        assert kinds(send(sink, envelopes(1), security="starttls", verify=False)) == ["Accepted"]


def test_a_certificate_for_another_name_is_not_trusted(certificate: Certificate) -> None:
    with Sink(Script(tls=certificate.server)) as sink:
        retry = only_retry(sink, security="tls", ca_file=certificate.file, host="127.0.0.1")
    assert "CERTIFICATE_VERIFY_FAILED" in retry.reply


def test_starttls_not_offered_is_no_reason_to_speak_in_the_clear() -> None:
    with Sink(record=True) as sink:
        assert only_retry(sink, security="starttls").reply == "the server does not offer STARTTLS"
        assert [line for _, line in sink.transcript] == [b"EHLO localhost"]


def test_plaintext_behind_the_starttls_reply_is_not_taken_for_the_server(certificate: Certificate) -> None:
    script = Script([Fault("STARTTLS", "220 go\r\n250 injected")], starttls=certificate.server)
    with Sink(script) as sink:
        retry = only_retry(sink, security="starttls", ca_file=certificate.file)
    assert retry.reply == "plaintext received where TLS had to begin"


def test_auth_not_offered() -> None:
    with Sink() as sink:
        assert "neither AUTH" in only_retry(sink, username="us", password="x").reply


@pytest.mark.parametrize(
    ("fault", "code", "reply"),
    [
        (Fault("CONNECT", "421 4.3.2 busy", then="close"), 421, "greeting: 421 4.3.2 busy"),
        (Fault("CONNECT", "554 5.7.1 no"), 554, "greeting: 554 5.7.1 no"),
        (Fault("CONNECT", "", then="close"), None, "connection closed by the server"),
        (
            Fault("CONNECT", "HTTP/1.1 400 Bad Request"),
            None,
            "not an SMTP reply: b'HTTP/1.1 400 Bad Request'",
        ),
        (Fault("CONNECT", "220-a\r\n250 b"), None, "a reply that contradicts itself or has no end"),
        (
            Fault("CONNECT", "220-" + "\r\n220-".join(["x" * 500] * 200)),
            None,
            "a reply that contradicts itself",
        ),
        (Fault("CONNECT", "220 " + "x" * 70_000), None, ""),
        (Fault("EHLO", "550 5.0.0 no"), 550, "EHLO: 550 5.0.0 no"),
        (Fault("EHLO", "", then="close"), None, "connection closed by the server"),
    ],
)
def test_a_connection_that_does_not_become_ready_is_a_retry(fault: Fault, code: int | None, reply: str) -> None:
    with Sink(Script([fault])) as sink:
        retry = only_retry(sink)
    assert retry.code == code
    assert retry.reply.startswith(reply)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("CONNECT", "", then="hang"),
        Fault("EHLO", "", then="hang"),
        Fault("CONNECT", "220 " + "x" * 1000, drip=0.05),
    ],
)
def test_a_silent_or_dripping_greeting_ends_with_the_time_out(fault: Fault) -> None:
    with Sink(Script([fault])) as sink:
        assert only_retry(sink, timeout=0.3).reply == "no answer within 0.3 s"


def test_an_absent_relay_and_an_unknown_one() -> None:
    with Sink() as sink:
        port = sink.port
    for host in ("localhost", "does-not-exist.invalid"):
        transport = SmtpTransport(SmtpSettings(host, port, timeout=5))
        outcomes = list(transport.send(envelopes(9), before_data=lambda _: None))
        assert [type(o) for o in outcomes] == [Retry] * 9
        assert all(isinstance(o, Retry) and o.relay_down and o.code is None for o in outcomes)
