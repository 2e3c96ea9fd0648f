"""Answers from the static copy: no database, no session, no cookie, nobody signed in (R34).

What depends on the moment of asking is put in here: the time that the copy is true for, and, where it is older than
two minutes, that our own systems may be affected; then nothing is shown as if it were known to be well.
"""

import contextlib
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.urls import Resolver404, URLPattern, resolve
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import format_html
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.status import banner, statuspage, words
from portal.status.copy import AS_OF

STALE = timedelta(minutes=2) / settings.TIME_SCALE
RETRY_SECONDS = 30
HTML, JSON, ATOM = "text/html; charset=utf-8", "application/json; charset=utf-8", "application/atom+xml; charset=utf-8"
CALENDAR, SCRIPT = "text/calendar; charset=utf-8", "text/javascript; charset=utf-8"
SMALL = 600  # bytes; less is not worth compressing
_FRESH = re.compile("<!--fresh-->.*?<!--/fresh-->", re.DOTALL)
_STALE = re.compile("<!--stale-->.*?<!--/stale-->", re.DOTALL)
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Age:
    """Since when the copy is true, and whether that is too long ago."""

    as_of: datetime
    now: datetime

    @property
    def stale(self) -> bool:
        return bool(self.now - self.as_of > STALE)

    @property
    def clock(self) -> str:
        return words.clock_words(self.as_of, self.now)

    @property
    def ago(self) -> str:
        minutes = int((self.now - self.as_of) / timedelta(minutes=1))
        if minutes >= 120:
            return _("%(length)s ago") % {"length": words.length(minutes * 60)}
        return ngettext("%(minutes)d minute ago", "%(minutes)d minutes ago", minutes) % {"minutes": minutes}


class StatusFirst:
    """Middleware before sessions and people: what the copy has is answered here, all else goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse], copied: tuple[URLPattern, ...]) -> None:
        self._get_response = get_response
        self._copied = copied

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            found = resolve(request.path_info, urlconf=self._copied)  # type: ignore[arg-type]  # any patterns will do
        except Resolver404:
            return self._get_response(request)
        return found.func(request, *found.args, **found.kwargs)  # type: ignore[no-any-return]


def page(request: HttpRequest, file: str = "", **place: str) -> HttpResponse:
    """An HTML page; `file` has the place's words in braces."""
    return _answer(request, file.format(**place), HTML, _with_age)


def document(request: HttpRequest, name: str) -> HttpResponse:
    """A document of the Statuspage API."""
    return _answer(request, f"api/{name}", JSON, _old_document, shared=True)


def feed(request: HttpRequest) -> HttpResponse:
    return _answer(request, "feed.atom", ATOM, shared=True)


def calendar(request: HttpRequest) -> HttpResponse:
    return _answer(request, "maintenance.ics", CALENDAR, shared=True)


def banner_data(request: HttpRequest) -> HttpResponse:
    """The public answer from the copy; with a token that of an account, which is nobody else's and not kept."""
    token = request.GET.get("token", "")
    if not token or request.method not in ("GET", "HEAD"):
        return _answer(request, "banner.json", JSON, _old_banner, shared=True)
    try:
        found, error = banner.account_answer(token), None
    except banner.BadToken as refused:
        found, error = None, str(refused)
    except (DatabaseError, InterfaceError):
        found, error = None, "Accounts cannot be looked up right now."
    if found is None:
        found = {**(_load("banner.json") or banner.answer("public", [], words.address("/status/"))), "error": error}
    response = HttpResponse(json.dumps(found), content_type=JSON)
    response["Cache-Control"] = "private, no-store"
    response["Access-Control-Allow-Origin"] = "*"
    return response


def banner_script(request: HttpRequest) -> HttpResponse:
    content = (settings.BASE_DIR / "static" / "js" / "banner.js").read_bytes()
    return _finish(request, content, SCRIPT, datetime.now(UTC), shared=True, max_age=300)


def to_page(request: HttpRequest) -> HttpResponse:
    return HttpResponsePermanentRedirect("/status/")


Change = Callable[[str, Age], str]


def _as_it_is(text: str, age: Age) -> str:
    return text


def _answer(
    request: HttpRequest, name: str, kind: str, change: Change = _as_it_is, *, shared: bool = False
) -> HttpResponse:
    """A file of the copy with its age; 404 for what the copy does not have, 503 where there is none."""
    if request.method not in ("GET", "HEAD"):
        return _other_method(request, shared)
    age = _age()
    if age is None:
        return _no_copy(kind, shared)
    with translation.override(settings.LANGUAGE_CODE):
        try:
            text, changed = _read(name)
        except FileNotFoundError:
            return _missing(kind, age, shared)
        content = change(text, age).encode()
    response = _finish(request, content, kind, max(changed, age.as_of if kind == HTML else changed), shared=shared)
    response["X-As-Of"] = statuspage.instant(age.as_of) or ""
    return response


def _read(name: str) -> tuple[str, datetime]:
    """A file's text and when it changed. Raises FileNotFoundError."""
    file = Path(settings.STATUS_DIR) / name
    found = file.stat()
    text = _text(str(file), found.st_mtime_ns, found.st_size, found.st_ino)
    return text, datetime.fromtimestamp(int(found.st_mtime), UTC)


@lru_cache(maxsize=64)
def _text(file: str, mtime: int, size: int, inode: int) -> str:
    return Path(file).read_text("utf-8")


def _load(name: str) -> dict[str, object] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((Path(settings.STATUS_DIR) / name).read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return None


def _age() -> Age | None:
    found = _load(AS_OF)
    with contextlib.suppress(KeyError, TypeError, ValueError):
        if found is not None:
            return Age(datetime.fromisoformat(str(found["as_of"])), datetime.now(UTC))
    return None


def _with_age(text: str, age: Age) -> str:
    """The page as it is at this moment."""
    time = format_html('<time datetime="{}">{}</time>', age.as_of.isoformat(timespec="minutes"), age.clock)
    if not age.stale:
        text = _STALE.sub("", text).replace("<!--notice-->", "", 1)
        return text.replace("<!--as-of-->", format_html(_("As of {}"), time), 1)
    said = format_html(_("As of {}, {}: our own systems may be affected."), time, age.ago)
    more = _("What you see is the last that we know. This page is brought up to date as soon as we can.")
    icon = render_to_string("icons/warn.html")
    notice = format_html('<div class="notice notice-warn" role="status">{}<div><p class="notice-title">{}</p><p>{}</p></div></div>', icon, said, more)  # fmt: skip # noqa: E501
    text = _FRESH.sub("", text).replace("<!--notice-->", notice, 1).replace("<!--as-of-->", "", 1)
    return text.replace('<body class="status-page">', '<body class="status-page stale">', 1)


def _old_document(text: str, age: Age) -> str:
    return json.dumps(statuspage.stale(json.loads(text), age.clock)) if age.stale else text


def _old_banner(text: str, age: Age) -> str:
    """Whoever shows it may say how old it is."""
    told = {"as_of": statuspage.instant(age.as_of.replace(second=0, microsecond=0)), "stale": age.stale}
    return json.dumps({**json.loads(text), **told})


def _finish(
    request: HttpRequest, content: bytes, kind: str, changed: datetime, *, shared: bool, max_age: int = 10
) -> HttpResponse:
    """With a strong ETag of the very bytes, compressed where the reader takes that; 304 where he has them already."""
    zipped = len(content) > SMALL and "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}{"-gzip" if zipped else ""}"'
    response = HttpResponse(_zipped(content) if zipped else content, content_type=kind)
    if zipped:
        response["Content-Encoding"] = "gzip"
    response["Content-Length"] = str(len(response.content))
    response["ETag"] = etag
    response["Last-Modified"] = http_date(changed.timestamp())
    response["Cache-Control"] = f"public, max-age={max_age}"
    patch_vary_headers(response, ["Accept-Encoding"])
    answer = get_conditional_response(request, etag, int(changed.timestamp()), response) or response
    return _shared(answer) if shared else answer


@lru_cache(maxsize=32)
def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def _shared(response: HttpResponse) -> HttpResponse:
    """Any site's script may read it: it is the same for everybody."""
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _other_method(request: HttpRequest, shared: bool) -> HttpResponse:
    asks = request.method == "OPTIONS"
    response = HttpResponse(status=204 if asks else 405)
    response["Allow"] = "GET, HEAD, OPTIONS"
    if asks and shared:
        response["Access-Control-Allow-Methods"] = "GET, HEAD"
        response["Access-Control-Allow-Headers"] = "If-None-Match, If-Modified-Since, Content-Type"
        response["Access-Control-Max-Age"] = "86400"
    return _shared(response) if shared else response


def _missing(kind: str, age: Age, shared: bool) -> HttpResponse:
    if kind != HTML:
        raise Http404
    try:
        text, _changed = _read("missing.html")
    except FileNotFoundError:
        return _no_copy(kind, shared)
    response = HttpResponse(_with_age(text, age), content_type=HTML, status=404)
    response["Cache-Control"] = "no-store"
    return response


def _no_copy(kind: str, shared: bool) -> HttpResponse:
    """Nothing is known: said in words, to programs by the status."""
    said = _("We cannot say at the moment.")
    if kind == HTML:
        response = HttpResponse(render_to_string("status/no_copy.html"), content_type=HTML, status=503)
    elif kind == JSON:
        response = HttpResponse(json.dumps({"error": said}), content_type=JSON, status=503)
    else:
        response = HttpResponse(said, content_type="text/plain; charset=utf-8", status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return _shared(response) if shared else response
