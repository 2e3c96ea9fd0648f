"""`python -m embedded`: run a command with a PostgreSQL server beside it, or remove such a server's data."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from embedded.processes import dying_with_starter
from embedded.server import FAST, EmbeddedError, Server, reset

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 3.0  # seconds a command has to end by itself; with PostgreSQL's own end it must stay under 5


def main(words: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        if options.verb == "reset":
            reset(options.data)
            return 0
        return _run(options.command, data=options.data, settings=FAST if options.fast else {})
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run COMMAND with DATABASE_URL set (one that is set already is kept)")
    run.add_argument("--data", type=Path, required=True, help="folder of the data")
    run.add_argument("--fast", action="store_true", help="do not wait for the disk: for tests only")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    gone = verbs.add_parser("reset", help="delete the data, and stop a server left behind")
    gone.add_argument("--data", type=Path, required=True, help="folder of the data")
    return parser


def _run(command: list[str], *, data: Path, settings: Mapping[str, str]) -> int:
    if os.environ.get("DATABASE_URL"):
        try:
            os.execvp(command[0], command)  # noqa: S606 (running a command is the purpose)
        except OSError as error:
            raise EmbeddedError(f"{command[0]} cannot be run: {error.strerror}.") from error
    for number in ENDINGS:
        if number is signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, _leave)
    with Server(data, settings=settings) as server:
        # Held back until they can be forwarded, else one that comes just now would miss the command.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        code = _attend(_spawn(command, {**os.environ, "DATABASE_URL": server.url}))
    return code if code >= 0 else 128 - code


def _spawn(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Its own group is in the background, where a terminal stops who reads from it: end of file is kinder.
    terminal = sys.stdin is not None and sys.stdin.isatty()
    bind = dying_with_starter(signal.SIGTERM)

    def before_exec() -> None:
        bind()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)

    try:
        return subprocess.Popen(  # noqa: S603 (running a command is the purpose)
            command,
            env=environment,
            stdin=subprocess.DEVNULL if terminal else None,
            process_group=0,
            preexec_fn=before_exec,  # noqa: PLW1509 (system calls only, loaded beforehand)
        )
    except OSError as error:
        raise EmbeddedError(f"{command[0]} cannot be run: {error.strerror}.") from error


def _attend(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command, pass signals on to its group, and end the group at latest `GRACE` after one."""

    def forward(number: int, _frame: FrameType | None) -> None:
        _signal_group(process.pid, number)
        if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    signal.signal(signal.SIGALRM, lambda _number, _frame: _signal_group(process.pid, signal.SIGKILL))
    handled = [number for number in ENDINGS if signal.getsignal(number) != signal.SIG_IGN]
    try:
        for number in handled:
            signal.signal(number, forward)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        return process.wait()
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)  # from here on all ends anyway
        signal.setitimer(signal.ITIMER_REAL, 0)
        _signal_group(process.pid, signal.SIGKILL)  # what the command left behind


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
