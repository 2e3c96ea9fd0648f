"""Starting what we are measured against: bench/peers, in an environment that nothing else uses."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from psycopg import sql

from embedded.processes import dying_with_starter

WANTED = Path(__file__).parent / "peers.txt"
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")


class PeerEnded(Exception):
    """A peer did not start, or does not live any more."""


class Peer:
    """A running peer. `send(n)` asks it for mails and returns at once; one that says more is asked and heard."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_until_ready(self) -> None:
        if self.hear() != "ready":
            raise PeerEnded(f"{self._process.args[-1]} did not start; its own words are above")

    def send(self, mails: int) -> None:
        self.ask(str(mails))

    def ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Its next line. Raises PeerEnded."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise PeerEnded(f"{self._process.args[-1]} has ended; its own words are above")
        return line.rstrip("\n")


def environment() -> Path:
    """The Python of the peers' environment, made where it is not or is not what peers.txt wants (half a minute)."""
    place = settings.BASE_DIR / ".cache" / "bench-peers"
    python, made = place / "bin" / "python", place / "made-from.txt"
    if not made.exists() or made.read_text() != WANTED.read_text():
        print("making the peers' environment ...", file=sys.stderr, flush=True)
        venv.create(place, clear=True, with_pip=True)
        command = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-r", WANTED]
        subprocess.run(command, check=True, stdout=sys.stderr)
        made.write_text(WANTED.read_text())
    return Path(python)


def redis_answers() -> bool:
    """Celery, RQ and channels_redis are measured only where there is a Redis (REDIS_URL)."""
    url = urlsplit(REDIS_URL)
    try:
        with socket.create_connection((url.hostname or "127.0.0.1", url.port or 6379), timeout=2) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


@contextmanager
def running(name: str, python: Path, **given: object) -> Iterator[Peer]:
    """What it is given is in its environment, as PEER_SMTP_PORT for `smtp_port`; bench/peers/settings.py reads it.

    The peer has a database of its own, which goes with it.
    """
    with _database(name) as url:
        process = subprocess.Popen(
            [python, "-m", f"bench.peers.{name}"],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
                "PEER_DATABASE_URL": url,
                **{f"PEER_{name.upper()}": str(value) for name, value in given.items()},
                "PEER_REDIS_URL": REDIS_URL,
                "PEER_QUEUE": url.rpartition("/")[2],
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=dying_with_starter(signal.SIGTERM),  # noqa: PLW1509  one system call, loaded beforehand
        )
        try:
            peer = Peer(process)
            peer.wait_until_ready()
            yield peer
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Its input ends, and so it does, with its workers."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _database(name: str) -> Iterator[str]:
    given = os.environ["DATABASE_URL"]
    own = f"bench_{name}_{secrets.token_hex(4)}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(own)))
        try:
            yield urlsplit(given)._replace(path=f"/{own}").geturl()
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))
