"""A browser without a screen: cookies, CSRF, and forms filled as a person would. Standard library only."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any


class Refused(Exception):
    """The server's answer was not the one expected; the message says which and shows the page's own words."""


@dataclass
class Form:
    action: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Every form of a page with the values that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._textarea = self._select = ""
        self._in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        name = known.get("name", "")
        if tag == "form":
            self.forms.append(Form(known.get("action", "")))
            self._in_form = True
        elif not self._in_form or not (name or tag == "option"):
            return
        elif tag == "input":
            self._input(name, known)
        elif tag == "textarea":
            self._textarea = name
            self.forms[-1].fields[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in known or self._select not in self.forms[-1].fields):
            self.forms[-1].fields[self._select] = [known.get("value", "")]

    def _input(self, name: str, known: Mapping[str, str]) -> None:
        kind = known.get("type", "text")
        if kind in ("submit", "image", "file") or (kind in ("checkbox", "radio") and "checked" not in known):
            return
        self.forms[-1].fields.setdefault(name, []).append(known.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].fields[self._textarea][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            fields = self.forms[-1].fields
            fields[self._textarea] = [fields[self._textarea][0].removeprefix("\n")]
            self._textarea = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._in_form = False


class Client:
    """One person's session with the portal at `base`."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(self.base + path))

    def post(self, path: str, fields: Mapping[str, Any]) -> str:
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        request = urllib.request.Request(self.base + path, body, {"Referer": self.base + path})
        return self._open(request)

    def post_json(self, path: str, content: Any, headers: Mapping[str, str]) -> Any:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json", **headers})
        return json.loads(self._open(request))

    def submit(self, path: str, changes: Mapping[str, Any], *, field: str, to: str = "") -> str:
        """Open a page, change fields of its form that has `field`, and send it: `to` is the button's own address."""
        for form in self._forms_of(path):
            if field in form.fields:
                return self.post(to or form.action or path, {**form.fields, **changes})
        raise Refused(f"{path} has no form with the field {field!r}")

    def press(self, path: str, ending: str) -> str:
        """Open a page and send its form whose address ends so: a button that needs no field filled."""
        for form in self._forms_of(path):
            if form.action.endswith(ending):
                return self.post(form.action, form.fields)
        raise Refused(f"{path} has no button to {ending!r}")

    def _forms_of(self, path: str) -> list[Form]:
        parser = _Forms()
        parser.feed(self.get(path))
        return parser.forms

    def login(self, email: str, password: str) -> None:
        self.submit("/account/login/", {"login": email, "password": password}, field="login")
        if not any(cookie.name == "sessionid" for cookie in self.cookies):
            raise Refused(f"{email} could not sign in")

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self._opener.open(request, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")[:600]
            raise Refused(f"{request.get_method()} {request.full_url}: {error.code} {words}") from error
