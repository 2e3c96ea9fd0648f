"""`python -m tests.lock`: the locks are what pyproject.toml asks for, and name no package index."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPILE = [
    str(Path(sys.executable).with_name("uv")),
    *("pip", "compile", "pyproject.toml", "--universal", "--generate-hashes"),
    *("--no-emit-index-url", "--no-header", "--quiet"),
]
LOCKS = {"requirements.txt": [], "requirements-dev.txt": ["--extra", "dev", "-c", "requirements.txt"]}


def compiled(lock: str, arguments: list[str], folder: Path) -> str:
    """The lock as it would be written today, keeping the versions that it names and that still fit."""
    written = folder / lock
    written.write_text((ROOT / lock).read_text())
    subprocess.run([*COMPILE, *arguments, "-o", str(written)], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return written.read_text()


def main(folder: Path) -> int:
    for lock, arguments in LOCKS.items():
        text = (ROOT / lock).read_text()
        if found := re.search(r"(?i)--(extra-)?index-url|--find-links|https?://\S+", text):
            print(f"{lock} names an address: {found[0]}")
            return 1
        if compiled(lock, arguments, folder).replace(str(folder) + "/", "") != text:
            print(f"{lock} is not what pyproject.toml asks for: run `make lock` and commit it.")
            return 1
    print("The locks are in step with pyproject.toml.")
    return 0


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(Path(temporary)))
