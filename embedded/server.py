"""A PostgreSQL server of our own: a child on a private Unix socket that lives as long as its starter."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from embedded.place import EmbeddedError, Place, place_of, roots_place, users_place
from embedded.processes import POLL, dying_with_starter, stop_leftover, stop_server

__all__ = ["FAST", "EmbeddedError", "Server", "reset"]

OWNER = "portal"  # the superuser and the database
PORT = 5432  # only part of the socket's name; PGPORT of the environment must not change it
READY_WITHIN = 120.0  # seconds; recovery after a crash takes its time
ORPHANS = "pre-existing shared memory block"  # PostgreSQL's words for it
ORPHANS_WITHIN = 15.0  # seconds
ORPHANS_POLL = 0.5  # seconds
WORD_EVERY = 5.0  # seconds between words of progress
LOG_LINES = 15  # shown when a start fails

FAST: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for data that need not outlive the machine: tests."""

MODEST: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": OWNER,
}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Server:
    """One PostgreSQL on one data folder, reachable over `url` between `start` and `stop`.

    Only the account that runs the server (and root) reaches its socket; there is no network address. Every
    method raises EmbeddedError with words for the person at the terminal.
    """

    def __init__(self, data: Path, *, settings: Mapping[str, str] = {}, progress: Callable[[str], None] = say) -> None:
        self._place: Place = place_of(data)
        self._settings = settings
        self._progress = progress
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """A DATABASE_URL that libpq and django-environ read alike (not so with a folder before the path)."""
        return f"postgres://{OWNER}@/{OWNER}?host={quote(str(self._place.socket), safe='')}&port={PORT}"

    def dsn(self, database: str) -> str:
        """What psycopg needs to connect to this database as the superuser."""
        return make_conninfo(host=str(self._place.socket), port=PORT, user=OWNER, dbname=database)

    def start(self) -> None:
        """Start the server, the first time with new data; then the database `portal` takes connections."""
        if threading.current_thread() is not threading.main_thread():
            # The kernel ends the server with the thread that started it.
            raise EmbeddedError("The embedded PostgreSQL must be started from the main thread.")
        if self._lock is not None:
            raise EmbeddedError("This server is started already.")
        try:
            self._start()
        except (OSError, psycopg.Error) as error:
            self.stop()
            raise EmbeddedError(f"PostgreSQL cannot be started: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait for its end; does nothing when it does not run."""
        if self._process is not None:
            process = self._process
            stop_server(process.pid, lambda: process.poll() is not None)
            self._process = None
            self._place.close_socket_folder()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        place = self._place
        self._lock = place.take()
        if stop_leftover(place.cluster):
            self._progress(f"Stopped a PostgreSQL server left behind in {place.home}")
        if place.log.exists():
            place.log.replace(place.log.with_name("old.postgres.log"))
        programs = place.programs(self._progress)
        if not place.cluster.exists():
            self._create_cluster(programs)
        with self._serve(programs) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [OWNER]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(OWNER)))

    def _serve(self, programs: Path) -> psycopg.Connection:
        deadline = time.monotonic() + ORPHANS_WITHIN
        while True:
            self._process = self._launch(programs)
            try:
                return self._first_connection(self._process)
            except EmbeddedError as error:
                # The children of a killed server outlive it for a moment, and hold its memory.
                if ORPHANS not in str(error) or time.monotonic() > deadline:
                    raise
                self._progress("Waiting for the processes of a killed PostgreSQL server to end")
            time.sleep(ORPHANS_POLL)

    def _launch(self, programs: Path) -> subprocess.Popen[bytes]:
        place = self._place
        place.open_socket_folder()
        folder = str(place.socket).replace('"', '""')
        forced = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{folder}"',
            "unix_socket_permissions": "0700",
        }
        options = [f"--{name}={value}" for name, value in {**MODEST, **self._settings, **forced}.items()]
        return self._spawn([programs / "postgres", "-D", place.cluster, *options], dying=signal.SIGINT)

    def _create_cluster(self, programs: Path) -> None:
        place = self._place
        self._progress(f"Preparing a new PostgreSQL database in {place.home} (some seconds)")
        fresh = place.new_folder("cluster")
        place.give(fresh)
        command: list[str | Path] = [
            programs / "initdb",
            "-D",
            fresh,
            "-U",
            OWNER,
            "--encoding=UTF8",
            "--locale=C",
        ]
        # The built-in provider sorts and folds the same on every system.
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += ["--auth-local=trust", "--auth-host=reject"]
        command += ["--no-sync"] if self._settings.get("fsync") == "off" else []
        process = self._spawn(command, dying=signal.SIGKILL)
        try:
            if process.wait() != 0:
                raise EmbeddedError(self._with_log("PostgreSQL could not create its data."))
            fresh.rename(place.cluster)
        except BaseException:
            process.kill()
            process.wait()
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _spawn(self, command: list[str | Path], *, dying: signal.Signals) -> subprocess.Popen[bytes]:
        """Run a program of PostgreSQL as its account, in a process group of its own, writing to the log."""
        account = self._place.account
        descriptor = os.open(self._place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            return subprocess.Popen(  # noqa: S603 (our own words only)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._place.home,  # ours may be closed to the account
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},  # no PG* variable of the surroundings
                process_group=0,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=dying_with_starter(dying),  # noqa: PLW1509 (one system call, loaded beforehand)
            )

    def _first_connection(self, process: subprocess.Popen[bytes]) -> psycopg.Connection:
        begun = time.monotonic()
        word = begun + WORD_EVERY
        while True:
            if process.poll() is not None:
                raise EmbeddedError(self._with_log("PostgreSQL ended while it started."))
            try:
                return psycopg.connect(self.dsn("postgres"), autocommit=True, connect_timeout=10)
            except psycopg.OperationalError as error:
                now = time.monotonic()
                if now > begun + READY_WITHIN:
                    words = f"PostgreSQL takes no connections after {READY_WITHIN:.0f} s ({error})."
                    raise EmbeddedError(self._with_log(words)) from error
                if now > word:
                    self._progress(f"Waiting for PostgreSQL to take connections ({now - begun:.0f} s)")
                    word = now + WORD_EVERY
            time.sleep(POLL)

    def _with_log(self, words: str) -> str:
        lines = self._place.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n  ".join([f"{words} The end of {self._place.log}:", *lines])


def reset(data: Path, *, progress: Callable[[str], None] = say) -> None:
    """Stop a server left behind and delete the data of this folder, wherever they are.

    Raises EmbeddedError while the server's starter lives, or when the data are root's and we are not.
    """
    places = [place for place in (users_place(data), roots_place(data)) if place.lock.exists()]
    for place in places:
        if place.account and os.geteuid() != 0:
            raise EmbeddedError(f"{place.home} belongs to root, who started this database. Reset it as root.")
        try:
            _remove(place, progress)
        except OSError as error:
            raise EmbeddedError(f"{place.home} cannot be removed: {error}") from error
    if not places:
        progress(f"There is no database to remove in {data}")


def _remove(place: Place, progress: Callable[[str], None]) -> None:
    lock = place.take()
    try:
        if stop_leftover(place.cluster):
            progress(f"Stopped a PostgreSQL server left behind in {place.home}")
        place.remove()
        progress(f"Removed the database in {place.home}")
    finally:
        os.close(lock)
