"""The sink's page: a list of mails, one mail, and JSON for tests. Strangers write what it shows."""

import asyncio
import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from demo.sink.mail import Mail

HERE = Path(__file__).parent
PATIENCE = 10  # seconds for a request
LISTED = 200
FILES = {"/sink.css": "text/css; charset=utf-8", "/sink.js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "img-src data:; form-action 'self'; frame-ancestors 'none'"
)
# A mail's own inline styles and embedded pictures, inside a frame without scripts, forms, or the network.
MAIL_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

Answer = tuple[int, str, str, str]  # status, content type, policy, body


class Owner(Protocol):
    """What the page needs of its sink."""

    count: int

    @property
    def mails(self) -> list[Mail]: ...


class WebServer:
    """One request per connection: a page for one person needs no more."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(request))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the browser went away or never spoke HTTP
        finally:
            writer.close()

    def _response(self, request: bytes) -> bytes:
        method, _, rest = request.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        if method not in ("GET", "HEAD"):
            status, kind, policy, body = _plain(405, "only GET")
        else:
            url = urlsplit(target)
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            status, kind, policy, body = self._answer(url.path, query)
        content = body.encode("utf-8", "replace")
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(content)}\r\nContent-Security-Policy: {policy}\r\n"
            "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii") + (content if method != "HEAD" else b"")

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/":
            return _html(self._list(query.get("q", "").strip()))
        if path == "/count":
            return _plain(200, str(self._owner.count))
        if path == "/mails.json":
            since = query.get("since", "0")
            later = [mail for mail in self._owner.mails if since.isdecimal() and mail.n > int(since)]
            return 200, "application/json", POLICY, json.dumps([_as_json(mail) for mail in later])
        if path in FILES:
            return 200, FILES[path], POLICY, (HERE / path[1:]).read_text("utf-8")
        number = path.removeprefix("/mail/")
        mail = next((mail for mail in self._owner.mails if str(mail.n) == number), None)
        if mail is None:
            return _plain(404, "no such page, or the mail is no longer kept")
        return _html(_mail_page(mail), MAIL_POLICY)

    def _list(self, wanted: str) -> str:
        found = (mail for mail in reversed(self._owner.mails) if _matches(mail, wanted.casefold()))
        shown = [mail for mail, _ in zip(found, range(LISTED), strict=False)]
        rows = "".join(_row(mail) for mail in shown)
        table = (
            "<table><thead><tr><th>Received (UTC)</th><th>To</th><th>Subject</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
            if rows
            else f"<p class=empty>{'No mail matches.' if wanted else 'No mail yet.'}</p>"
        )
        body = (
            f"<header><h1>Mail sink</h1><p id=count data-count={self._owner.count}>"
            f"{self._owner.count} received, {len(shown)} shown, newest first. None is delivered.</p>"
            "<form role=search><label for=q>Recipient or subject</label>"
            f'<input id=q name=q type=search value="{escape(wanted)}"><button>Filter</button></form></header>'
            f"<main id=list>{table}</main>"
        )
        return _page("Mail sink", body, live=True)


def _matches(mail: Mail, wanted: str) -> bool:
    return not wanted or wanted in " ".join((*mail.rcpt_to, mail.header("Subject"))).casefold()


def _row(mail: Mail) -> str:
    subject = escape(mail.header("Subject")) or "(no subject)"
    return (
        f'<tr><td><time datetime="{mail.at:%Y-%m-%dT%H:%M:%SZ}">{mail.at:%H:%M:%S}</time></td>'
        f"<td>{escape(', '.join(mail.rcpt_to))}</td><td><a href=/mail/{mail.n}>{subject}</a></td></tr>"
    )


def _mail_page(mail: Mail) -> str:
    subject = mail.header("Subject") or "(no subject)"
    facts = _facts(
        {
            "Received": f"{mail.at:%Y-%m-%d %H:%M:%S} UTC",
            "Envelope from": mail.mail_from or "<>",
            "Envelope to": ", ".join(mail.rcpt_to),
        }.items()
    )
    text, html = mail.part("plain"), mail.part("html")
    parts = [f"<header><p><a href=/>All mails</a></p><h1>{escape(subject)}</h1>{facts}</header><main>"]
    if html:
        frame = f'<iframe sandbox title="HTML part" srcdoc="{escape(html)}"></iframe>'
        parts.append(f"<section><h2>HTML</h2>{frame}</section>")
    if text:
        parts.append(f"<section><h2>Text</h2><pre>{escape(text)}</pre></section>")
    source = escape(mail.raw.decode("utf-8", "replace"))
    headers, _, _ = source.partition("\r\n\r\n")
    parts.append(f"<details open><summary>Headers</summary><pre>{headers}</pre></details>")
    parts.append(f"<details><summary>Source, {len(mail.raw)} bytes</summary><pre>{source}</pre></details></main>")
    return _page(subject, "".join(parts), live=False)


def _facts(items: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in items) + "</dl>"


def _page(title: str, body: str, *, live: bool) -> str:
    script = "<script src=/sink.js defer></script><noscript><meta http-equiv=refresh content=5></noscript>"
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<meta name=color-scheme content='light dark'>"
        f"<title>{escape(title)}</title><link rel=stylesheet href=/sink.css><link rel=icon href=data:,>"
        f"{script if live else ''}</head><body>{body}</body></html>"
    )


def _as_json(mail: Mail) -> dict[str, object]:
    return {
        "n": mail.n,
        "at": mail.at.isoformat(),
        "mail_from": mail.mail_from,
        "rcpt_to": list(mail.rcpt_to),
        "subject": mail.header("Subject"),
        "message_id": mail.header("Message-ID").strip(),
        "raw": mail.raw.decode("utf-8", "surrogateescape"),
    }


def _plain(status: int, text: str) -> Answer:
    return status, "text/plain; charset=utf-8", POLICY, text


def _html(page: str, policy: str = POLICY) -> Answer:
    return 200, "text/html; charset=utf-8", policy, page
