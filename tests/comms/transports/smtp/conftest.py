"""Envelopes, a transport to a sink, and a certificate made for the run."""

import ssl
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from comms.transports.base import Envelope, Outcome
from comms.transports.smtp import SmtpSettings, SmtpTransport
from demo.sink import Sink

BODY = b"Subject: one\r\nMessage-ID: <one@test>\r\n\r\nhello\r\n"


def envelope(number: int, payload: bytes = BODY, *, recipient: str = "", sender: str = "us@test") -> Envelope:
    return Envelope(number, 1, sender, recipient or f"r{number}@test", payload)


def envelopes(count: int, payload: bytes = BODY) -> list[Envelope]:
    return [envelope(number, payload) for number in range(1, count + 1)]


def settings(sink: Sink, **changes: object) -> SmtpSettings:
    """Localhost by name, so that a certificate fits; faults end well before a tester's patience."""
    return SmtpSettings(**{"host": "localhost", "port": sink.port, "timeout": 5.0, "deadline": 5.0, **changes})


def send(
    sink: Sink,
    batch: Sequence[Envelope],
    *,
    before_data: Callable[[Sequence[Envelope]], None] = lambda _: None,
    **changes: object,
) -> dict[int, Outcome]:
    """Outcomes by delivery; fails unless there is exactly one for every envelope."""
    outcomes = list(SmtpTransport(settings(sink, **changes)).send(batch, before_data=before_data))
    assert sorted(outcome.delivery_id for outcome in outcomes) == sorted(e.delivery_id for e in batch)
    return {outcome.delivery_id: outcome for outcome in outcomes}


def kinds(outcomes: dict[int, Outcome]) -> list[str]:
    return [type(outcomes[number]).__name__ for number in sorted(outcomes)]


@dataclass(frozen=True)
class Certificate:
    """For the name localhost, signed by itself."""

    file: str
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder: Path = tmp_path_factory.mktemp("tls")
    key, file = str(folder / "key.pem"), str(folder / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", file],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)
