"""Plays one fault in this process, on the database that DATABASE_URL names; prints its line."""

import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.faults.plays import FAULTS
from tests.faults.registry import NotRun, Verdict, line_of
from tests.faults.world import World


def main(id: str) -> int:
    found = FAULTS[id]
    began = time.monotonic()
    folder = Path(os.environ.get("FAULT_FOLDER") or tempfile.mkdtemp(prefix=f"faults-{id}-"))
    try:
        with World(folder, own_server=found.own_server) as world:
            verdict = found.play(world)
    except NotRun as why:
        print(f"{found.id:<4}{found.name:<52} not run: {why}", flush=True)
        return 0
    except Exception as error:
        traceback.print_exc()
        words = str(error).splitlines() or [""]
        verdict = Verdict(broken=[f"{type(error).__name__}: {words[0]}"])
    verdict.notes.append(f"took {time.monotonic() - began:.0f} s")
    print(line_of(found, verdict), flush=True)
    return 0 if verdict.holds() else 1


def leave(number: int, frame: FrameType | None) -> None:
    """Asked to end: by way of all `with` blocks, so that the instances of the fault end, too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, leave)
    sys.exit(main(sys.argv[1]))
