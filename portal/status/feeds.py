"""Incidents as Atom 1.0 (RFC 4287) and maintenance as iCalendar (RFC 5545), for programs that follow them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.utils.html import linebreaks
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from comms.rendering import marks
from portal.status import statuspage, words
from portal.status.state import NEWEST, PublicEvent, PublicState, Work

# XML 1.0 has no place for these, not even as references.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def atom(public: PublicState) -> str:
    """One entry per incident, the newest 50; its `updated` and its content change with every update."""
    own, page = words.address("/status/feed.atom"), words.address("/status/")
    title = _("%(company)s status") % {"company": public.company} if public.company else _("Status")
    updated = max((event.head.updated_at for event in public.recent), default=None)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={_attribute(get_language() or "en")}>',
        f"<id>{_text(page)}</id>",
        f"<title>{_text(title)}</title>",
        f"<updated>{statuspage.instant(updated or datetime(2000, 1, 1, tzinfo=UTC))}</updated>",
        f'<link rel="self" type="application/atom+xml" href={_attribute(own)}/>',
        f'<link rel="alternate" type="text/html" href={_attribute(page)}/>',
        f"<author><name>{_text(public.company or _('Status'))}</name></author>",
        *(_entry(event) for event in public.recent[:NEWEST]),
        "</feed>\n",
    ]
    return "\n".join(lines)


def _entry(event: PublicEvent) -> str:
    head = event.head
    link = words.address(words.incident_path(head.key))
    first = event.updates[-1].at if event.updates else head.started_at
    return "\n".join(
        [
            "<entry>",
            f"<id>{_text(link)}</id>",
            f"<title>{_text(line(f'{capfirst(head.status.label)}: {head.title}'))}</title>",
            f"<published>{statuspage.instant(first)}</published>",
            f"<updated>{statuspage.instant(head.updated_at)}</updated>",
            f'<link rel="alternate" type="text/html" href={_attribute(link)}/>',
            f'<content type="html">{_text("".join(_updates(event)))}</content>',
            "</entry>",
        ]
    )


def _updates(event: PublicEvent) -> Iterable[str]:
    for update in event.updates:
        when = f"{update.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield f"<p><strong>{escape(capfirst(str(update.status.label)))}</strong> – {when}</p>"
        yield linebreaks(update.body, autoescape=True)


def clean(text: str) -> str:
    """Without the characters that XML or a calendar cannot hold."""
    return _NOT_XML.sub("", marks.clean(text))


def line(text: str) -> str:
    return " ".join(clean(text).split())


def _text(text: str) -> str:
    return escape(clean(text))


def _attribute(text: str) -> str:
    return quoteattr(clean(text))


def calendar(public: PublicState) -> bytes:
    """Every maintenance that is not cancelled; a subscriber's calendar follows changes by their UID and SEQUENCE."""
    calendar = Calendar()
    calendar.add("prodid", "-//twotrack//status page//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    name = _("%(company)s maintenance") % {"company": public.company} if public.company else _("Maintenance")
    calendar.add("x-wr-calname", line(name))
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for work in public.work[:NEWEST]:
        calendar.add_component(_event(work, public))
    return bytes(calendar.to_ical())


def _event(work: Work, public: PublicState) -> Event:
    event = Event()
    link = words.address(words.maintenance_path(work.key))
    names = [line.service.name for line in public.lines if line.service.key in work.services]
    values: dict[str, Any] = {
        "uid": f"{work.key}@{statuspage.page_id()}.status",
        "dtstamp": work.updated_at.astimezone(UTC),
        "last-modified": work.updated_at.astimezone(UTC),
        "sequence": int(work.updated_at.timestamp()) - int(work.announced_at.timestamp()),
        "dtstart": work.starts_at.astimezone(UTC),
        "dtend": work.ends_at.astimezone(UTC),
        "summary": line(work.title),
        "description": clean("\n\n".join([work.text, ", ".join(names)] if names else [work.text])),
        "url": link,
        "status": "CONFIRMED",
        "transp": "TRANSPARENT",
    }
    for name, value in values.items():
        event.add(name, value)
    return event
