import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embedded.place import place_of

ROOT = Path(__file__).parents[2]
DEADLINE = 60  # seconds, generous: reached only when something is wrong
DJANGO = """
import environ
from django.conf import settings
settings.configure(DATABASES={"default": environ.Env().db("DATABASE_URL")})
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user, current_database()")
    print(*cursor.fetchone())
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m embedded` with these words; what a failed test leaves running is ended."""
    surroundings = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "embedded", *words],
            cwd=ROOT,
            env={**surroundings, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.returncode is None:
            process.terminate()
            finish(process)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


def postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((place_of(data).cluster / "postmaster.pid").read_text().splitlines()[0]))


def wait_until_gone(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + DEADLINE
    left = processes
    while left and time.monotonic() < deadline:
        left = [process for process in left if is_alive(process)]
    assert left == []


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_run_gives_django_a_database_and_returns_the_exit_code(start, data):
    command = f"{DJANGO}\nraise SystemExit(7)"
    code, out, err = finish(start("run", "--data", str(data), "--fast", "--", sys.executable, "-c", command))
    assert (code, out) == (7, "portal portal\n"), err


def test_run_keeps_a_database_that_is_named_already(start, fresh):
    words = ["run", "--data", str(fresh), "--", "sh", "-c", "echo $DATABASE_URL; exit 3"]
    assert finish(start(*words, DATABASE_URL="postgres://elsewhere/db")) == (
        3,
        "postgres://elsewhere/db\n",
        "",
    )
    assert not place_of(fresh).home.exists()


def test_run_of_an_unknown_command_says_so_without_a_traceback(start, data):
    code, out, err = finish(start("run", "--data", str(data), "--fast", "--", "./no-such-command"))
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "./no-such-command cannot be run: No such file or directory."
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_command_its_children_and_the_server(start, data, number):
    script = "sleep 600 & echo $!; exec sleep 600"
    process = start("run", "--data", str(data), "--fast", "--", "sh", "-c", script)
    child = psutil.Process(int(process.stdout.readline()))
    everyone = [child, *psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(number)
    assert finish(process)[0] == 128 + number
    wait_until_gone(everyone)


def test_signal_ends_a_command_that_does_not_listen(start, data):
    script = "trap '' INT TERM; echo ready; while :; do sleep 1; done"
    process = start("run", "--data", str(data), "--fast", "--", "sh", "-c", script)
    assert process.stdout.readline() == "ready\n"
    everyone = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 128 + signal.SIGKILL
    wait_until_gone(everyone)


def test_kill_9_of_the_starter_leaves_no_process_and_startable_data(start, data):
    words = ["run", "--data", str(data), "--fast", "--", "sh", "-c", "echo ready; exec sleep 600"]
    process = start(*words)
    assert process.stdout.readline() == "ready\n"
    server = postmaster(data)
    everyone = [
        server,
        *server.children(recursive=True),
        *psutil.Process(process.pid).children(recursive=True),
    ]
    assert len(everyone) > 3
    process.kill()
    finish(process)
    wait_until_gone(everyone)
    assert finish(start("run", "--data", str(data), "--fast", "--", "true"))[0] == 0


def test_reset_of_a_used_database_is_refused(start, data):
    process = start("run", "--data", str(data), "--fast", "--", "sh", "-c", "echo ready; exec sleep 600")
    assert process.stdout.readline() == "ready\n"
    code, _, err = finish(start("reset", "--data", str(data)))
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert (code, err) == (
        1,
        f"The database in {place_of(data).home} is in use by process {process.pid}."
        " Stop that first (Ctrl-C in its terminal).\n",
    )
