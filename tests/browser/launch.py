import os

from playwright.sync_api import Browser, Playwright

from tests import chromium

ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def launch(playwright: Playwright, *further: str) -> Browser:
    """The chromium of this machine, quiet; root, who has no sandbox, goes without one."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=chromium.find(), args=[*ARGUMENTS, *sandbox, *further])
