"""The static copy of the public page: written by a clock after every change, served without the database (R34).

Whole files are replaced, so a reader sees the old one or the new one. What has not changed is not written, and pages of
the archive are made anew only where what they show has changed: `versions.json` says what each was made of.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.utils import translation

from customers import clock
from portal.status import banner, feeds, pages, state, statuspage, words
from portal.status.state import PublicState

log = structlog.get_logger(__name__)
REFRESH_SECONDS = 20.0  # without a change; the page says so after two minutes
BATCH = 40  # pages of the archive that one beat makes: the clocks have other work
AS_OF, VERSIONS, SEEN = "as-of.json", "versions.json", "seen.json"
Make = Callable[[], str]


class Copy:
    """The copy in a folder. `tick` is safe to call at any time, by one process of a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fingerprint: tuple[object, ...] | None = None
        self._pending = False
        self._again_at = 0.0
        self._versions: dict[str, str] = {}

    def tick(self) -> bool:
        """Write what has changed, and the time that it is true for; at least every `REFRESH_SECONDS`. Returns whether
        it looked."""
        found = state.fingerprint()
        if found == self._fingerprint and not self._pending and time.monotonic() < self._again_at:
            return False
        self.write()
        self._fingerprint = found
        self._again_at = time.monotonic() + REFRESH_SECONDS / settings.TIME_SCALE
        return True

    def write(self) -> None:
        """All that is current, and the next pages of the archive that are not up to date."""
        as_of = datetime.now(UTC)  # before reading: by the clock of this machine, as the page that serves it
        now = clock.now()
        self.folder.mkdir(parents=True, exist_ok=True)
        with translation.override(settings.LANGUAGE_CODE):
            public = state.read(now, self._seen(now))
            self._current(public)
            self._archive(public)
        self._put(AS_OF, json.dumps({"as_of": as_of.isoformat()}))

    def _current(self, public: PublicState) -> None:
        self._put("index.html", pages.index(public))
        self._put("history.html", pages.history(public))
        self._put("missing.html", pages.missing(public))
        self._put("feed.atom", feeds.atom(public))
        self._put("maintenance.ics", feeds.calendar(public))
        self._put("banner.json", _json(banner.public_answer(public)))
        for name, document in statuspage.documents(public).items():
            self._put(f"api/{name}", _json(document))

    def _archive(self, public: PublicState) -> None:
        """A page per incident, maintenance and month. Those of open incidents are made at once, whatever waits."""
        wanted = dict(chain(self._incidents(public), self._works(public), self._months(public)))
        self._versions = self._versions or self._load(VERSIONS)
        stale = [n for n, (version, _) in wanted.items() if self._versions.get(n) != version or not self._has(n)]
        urgent = {f"incidents/{event.head.key}.html" for event in public.open}
        urgent |= {f"maintenance/{work.key}.html" for work in (*public.active, *public.upcoming)}
        stale.sort(key=lambda name: name not in urgent)
        makers = self._with_updates(stale[: max(BATCH, len(urgent.intersection(stale)))], wanted, public)
        for name, make in makers:
            self._put(name, make())
            self._versions[name] = wanted[name][0]
        for name in set(self._versions) - set(wanted):
            (self.folder / name).unlink(missing_ok=True)
            del self._versions[name]
        self._put(VERSIONS, json.dumps(self._versions))
        self._pending = len(makers) < len(stale)

    def _with_updates(
        self, names: list[str], wanted: dict[str, tuple[str, Make | None]], public: PublicState
    ) -> list[tuple[str, Make]]:
        """How each of these pages is made; the updates of older incidents are read together."""
        older = {f"incidents/{head.key}.html": head for head in public.heads}
        heads = [older[name] for name in names if name in older and wanted[name][1] is None]
        read = state.events(heads, {line.service.key for line in public.lines})
        found = {f"incidents/{event.head.key}.html": event for event in read}
        return [(name, wanted[name][1] or _page_of(found[name], public)) for name in names]

    def _incidents(self, public: PublicState) -> Iterable[tuple[str, tuple[str, Make | None]]]:
        frame, recent = _frame(public), {event.head.pk: event for event in public.recent}
        for head in public.heads:
            event = recent.get(head.pk)
            make = _page_of(event, public) if event else None
            yield f"incidents/{head.key}.html", (_digest(frame, head), make)

    def _works(self, public: PublicState) -> Iterable[tuple[str, tuple[str, Make | None]]]:
        frame = _frame(public)
        for work in public.work:
            make = _maker(pages.maintenance, work, public)
            yield f"maintenance/{work.key}.html", (_digest(frame, work), make)

    def _months(self, public: PublicState) -> Iterable[tuple[str, tuple[str, Make | None]]]:
        frame = _frame(public)
        for month, version in pages.month_versions(public):
            make = _maker(pages.month, month, public)
            yield f"history/{words.month_slug(month)}.html", (_digest(frame, version), make)

    def _seen(self, now: datetime) -> dict[str, datetime]:
        """Since when each public service is looked after, as far as this copy knows: what was before is unknown."""
        found = {key: datetime.fromisoformat(at) for key, at in self._load(SEEN).items()}
        found |= {key: now for key in state.service_keys() if key not in found}
        self._put(SEEN, json.dumps({key: at.isoformat() for key, at in sorted(found.items())}))
        return found

    def _load(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _put(self, name: str, content: str | bytes) -> None:
        """Replace a file as a whole where it is another one."""
        file, data = self.folder / name, content.encode() if isinstance(content, str) else content
        with contextlib.suppress(OSError):
            if file.read_bytes() == data:
                return
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _page_of(event: state.PublicEvent, public: PublicState) -> Make:
    return _maker(pages.incident, event, public)


def _maker(page: Callable[[Any, PublicState], str], of: Any, public: PublicState) -> Make:
    return lambda: page(of, public)


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _digest(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()[:20]


def _frame(public: PublicState) -> str:
    """What all pages have in common: templates, company, services, addresses of styles and scripts."""
    templates = sorted((settings.BASE_DIR / "templates").glob("status/*.html"))
    sources = [template.read_bytes() for template in templates]
    services = [(line.service.key, line.service.name) for line in public.lines]
    return _digest(pages.frame(public), sources, services, settings.SITE_URL)


_copies: dict[Path, Copy] = {}


def tick() -> None:
    """One beat of the clocks (settings.FURTHER_CLOCKS): the copy in STATUS_DIR follows what is public."""
    folder = Path(settings.STATUS_DIR)
    _copies.setdefault(folder, Copy(folder)).tick()
