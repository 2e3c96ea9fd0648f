"""`python -m bench [name ...] [--quick] [--markdown]`: benches, one after the other, then a table of all."""

import argparse
import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bench import report

FOLDER = Path(__file__).parent
LONGEST = 20 * 60  # seconds that one bench may take; then it is ended
Line = dict[str, object]


def found() -> list[str]:
    """The modules that can be run, save this one."""
    files = [file for file in sorted(FOLDER.glob("*.py")) if file.stem != "__main__"]
    return [file.stem for file in files if '\nif __name__ == "__main__":' in file.read_text()]


def main(words: list[str]) -> int:
    """Exit code 1 where a bench failed or is not known; a goal that falls short is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"only these of: {', '.join(found())}")
    parser.add_argument("--quick", action="store_true", help="few and small: a trial of some minutes")
    parser.add_argument("--markdown", action="store_true", help="the table for a page, instead of lines and columns")
    options = parser.parse_args(words)
    lines: list[Line] = []
    for name in options.names or found():
        print(f"{name}:", file=sys.stderr, flush=True)
        lines += _measured(name, ["--quick"] if options.quick else [], quiet=options.markdown)
    print(report.markdown(lines) if options.markdown else f"\n{report.table(lines)}")
    if options.quick:
        print("Too few and too small to judge anything by: --quick shows that the benches run.", file=sys.stderr)
    return 1 if any("failed" in line for line in lines) else 0


def _measured(name: str, arguments: list[str], *, quiet: bool) -> list[Line]:
    """What a bench says, in a process of its own; why it broke is one more line."""
    if name not in found():
        return [report.failure(name, f"no such bench; there are {', '.join(found())}")]
    lines: list[Line] = []
    complaints: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", f"bench.{name}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        listening = threading.Thread(target=_repeat, args=(process.stderr, complaints), daemon=True)
        listening.start()
        limit = threading.Timer(LONGEST, process.terminate)  # not killed: it still drops its database
        limit.start()
        for line in process.stdout:
            print(line, end="", flush=True, file=sys.stderr if quiet else sys.stdout)
            if line.startswith("{"):
                lines.append(json.loads(line))
        process.wait()
        overdue = not limit.is_alive()
        limit.cancel()
        listening.join(5)  # longer only where something that it started has outlived it
    if overdue:
        lines.append(report.failure(name, f"took longer than {LONGEST // 60} minutes"))
    elif process.returncode != 0:
        lines.append(report.failure(name, _why(complaints) or f"ended with {process.returncode}"))
    return lines


def _repeat(stream: IO[str], complaints: list[str]) -> None:
    for line in stream:
        print(line, end="", file=sys.stderr, flush=True)
        complaints.append(line.strip())


def _why(complaints: Sequence[str]) -> str:
    """The error itself, where there is a traceback (some go on for several lines); else the last words."""
    errors = [line for line in complaints if re.match(r"[\w.]+(: |$)", line)]
    return next(reversed(errors or complaints), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
