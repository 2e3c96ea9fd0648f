"""`python -m bench [name ...] [its options]`: every bench, one after the other, then a table of all."""

import json
import subprocess
import sys
from pathlib import Path

from bench import report

FOLDER = Path(__file__).parent


def found() -> list[str]:
    """The modules that can be run, save this one."""
    files = [file for file in sorted(FOLDER.glob("*.py")) if file.stem != "__main__"]
    return [file.stem for file in files if '\nif __name__ == "__main__":' in file.read_text()]


def main(words: list[str]) -> int:
    """Exit code 1 where a bench failed or is not known; a goal that falls short is a result, not a failure."""
    options = [word for word in words if word.startswith("-")]
    wanted = [word for word in words if not word.startswith("-")] or found()
    lines, failed = [], [name for name in wanted if name not in found()]
    for name in wanted:
        if name in failed:
            continue
        print(f"{name}:", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"bench.{name}", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(json.loads(line))
        if process.returncode != 0:
            failed.append(name)
    if lines:
        print(f"\n{report.table(lines)}")
    for name in failed:
        print(f"{name}: failed, or no such bench", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
