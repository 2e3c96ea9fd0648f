"""A signed-in colleague's or customer's browser, as far as the faults need one: cookies, forms, sockets' headers."""

import http.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client
from django.test.utils import setup_test_environment

from customers.models import User
from tests.portal.room.conftest import fields_of

TOKEN = "f" * 32  # of the CSRF cookie and the form: what matters is that they are the same
_prepared: list[bool] = []


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


class Browser:
    """Signed in as a user; talks to the web process on this port."""

    def __init__(self, port: int, user: User) -> None:
        self.port = port
        self._client = Client(HTTP_HOST="localhost")
        self._client.force_login(user)

    @property
    def cookie(self) -> str:
        session = self._client.cookies[settings.SESSION_COOKIE_NAME].value
        return f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={TOKEN}"

    def form(self, incident: int, **changes: Any) -> dict[str, Any]:
        """The room's form as it is loaded now, filled in with these changes."""
        if not _prepared:
            setup_test_environment()  # so that a page tells its context
            _prepared.append(True)
        return fields_of(self._client.get(f"/room/{incident}/"), **changes)

    def post(self, path: str, fields: dict[str, Any]) -> Answer:
        body = urlencode({**fields, "csrfmiddlewaretoken": TOKEN}, doseq=True)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie,
            "Host": f"localhost:{self.port}",
        }
        return self._ask("POST", path, body, headers)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {"Cookie": self.cookie, "Host": f"localhost:{self.port}"})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            line.close()
