"""Find a chromium for the browser tests; `python -m tests.chromium` installs one where the machine allows it."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find() -> str | None:
    """The path of a browser: CHROMIUM's, or the first one on the PATH."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> None:
    """Debian's package, as root; elsewhere the tests say that they were not run."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Installing chromium for the browser tests (about a minute) ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        subprocess.run(command, env=environment, capture_output=True, check=False)  # find() tells whether it worked


def main() -> int:
    if find() is None:
        install()
    if find() is None:
        print("No chromium found: the browser tests will not run. Install it, or name it in CHROMIUM.", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
