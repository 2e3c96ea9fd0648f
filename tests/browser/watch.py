"""Eyes on every page of a test: what a reader would not see but what must never happen."""

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

REPORT = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.reportViolation(`${event.effectiveDirective} refused ${event.blockedURI} on ${event.documentURI}`));
"""


class Watch:
    """Collects refusals of the CSP, errors of scripts and of the console, and requests that leave the server."""

    def __init__(self, home: str) -> None:
        self.found: list[str] = []
        self._home = home
        self._expected: list[str] = []

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages of a context from their first byte on."""
        context.expose_function("reportViolation", lambda words: self.found.append(f"CSP: {words}"))
        context.add_init_script(REPORT)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    def expect(self, pattern: str) -> None:
        """A test that provokes an error names it; every other one still counts."""
        self._expected.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        return [words for words in self.found if not any(re.search(p, words) for p in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.found.append(f"script: {error.error}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._home}/", "data:")):
            self.found.append(f"request to another host: {request.url}")
