"""`python -m tests.faults [ids] [--selection ci]`: each fault in a process and a database of its own, a line each.

Most of a fault is waiting for leases and pauses, so two are played at once; those that judge times are played alone.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.faults import SPEED
from tests.faults.plays import FAULTS
from tests.faults.registry import Fault

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 900.0  # seconds at FAULT_SPEED 10 after which a fault that does not end has failed
CLEARING = 30.0  # seconds that a play has to clear up after itself
TAIL = 40  # lines of the processes' logs that are shown of a fault that fails


def main(words: list[str]) -> int:
    """Exit code 1 where a fault does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("ids", nargs="*", metavar="id", help="such as R1; all without")
    parser.add_argument("--selection", choices=["all", "ci"], default="all")
    parser.add_argument("--jobs", type=int, default=2, help="faults played at once; 2 unless it is said")
    options = parser.parse_args(words)
    if unknown := set(options.ids) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    wanted = [f for f in FAULTS.values() if f.id in options.ids or not options.ids]
    wanted = [f for f in wanted if f.ci or options.selection == "all" or f.id in options.ids]
    began = time.monotonic()
    given = os.environ.get("DATABASE_URL", "postgres://localhost/portal")
    with template_of(given) as template:
        try:
            failed = asyncio.run(play(wanted, options.jobs, given, template))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return 128 + signal.SIGINT
    print(f"{len(wanted)} faults in {time.monotonic() - began:.0f} s, {failed} of them failed", flush=True)
    return 1 if failed else 0


async def play(wanted: Sequence[Fault], jobs: int, given: str, template: str) -> int:
    """How many of them do not hold."""
    places = asyncio.Semaphore(jobs)
    playing = asyncio.current_task()
    assert playing is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)  # as Ctrl-C: nothing is left behind

    async def one(found: Fault) -> bool:
        async with places:
            return await run(found, given, template) != 0

    failed = sum(await asyncio.gather(*(one(found) for found in wanted if not found.alone)))
    for found in wanted:
        failed += found.alone and await one(found)
    return failed


@contextmanager
def template_of(given: str) -> Iterator[str]:
    """A migrated database that each fault's is a copy of."""
    with database(given, template="template0") as name:
        subprocess.run(
            [sys.executable, "manage.py", "setup", "--verbosity", "0"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url_of(given, name)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        yield name


@contextmanager
def database(given: str, *, template: str) -> Iterator[str]:
    name = f"faults_{secrets.token_hex(4)}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def url_of(given: str, name: str) -> str:
    return urlsplit(given)._replace(path=f"/{name}").geturl()


async def run(found: Fault, given: str, template: str) -> int:
    """Play a fault in a process group of its own, and end what is left of it."""
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{found.id}-"))
    try:
        with database(given, template=template) as name:
            environment = {
                **os.environ,
                "DATABASE_URL": url_of(given, name),
                "FAULT_FOLDER": str(folder),
                "STAFF_SECOND_FACTOR": "0",  # the plays' operators sign in by password
            }
            command = [sys.executable, "-m", "tests.faults.one", found.id]
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, start_new_session=True)
            try:
                code = await asyncio.wait_for(process.wait(), LONGEST * 10 / SPEED)
            except TimeoutError:
                print(f"{found.id:<4}{found.name:<52} FAILS (it did not end)", flush=True)
                code = 1
            finally:
                await end(process)
        if code:
            show_logs(folder)
        return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def end(process: asyncio.subprocess.Process) -> None:
    """Let a play clear away what it has started, which has sessions of its own; then there is no more patience."""
    if process.returncode is None:
        process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), CLEARING)
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def show_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
        print("\n".join([f"--- {log.name}", *lines]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
