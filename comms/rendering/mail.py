"""A message as e-mail: built once, split at its marks, joined per recipient (RFC 5322, 2045, 8058)."""

import binascii
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import NamedTuple

import css_inline
from django.conf import settings
from django.core.signing import Signer
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from comms.choices import Variant
from comms.models import Message
from comms.rendering import links, marks
from customers.models import Company

LABELS_SHOWN = 10  # A4b
TRACKS = (Variant.TECHNICAL, Variant.BUSINESS)
unsubscribe_signer = Signer(salt="comms.unsubscribe")
manage_signer = Signer(salt="comms.manage_subscription")


class Affected(NamedTuple):
    """An account and its own names of what is affected there."""

    account: str
    labels: Sequence[str]
    account_id: int = 0
    contact_point_id: int = 0


@dataclass(frozen=True)
class Recipient:
    """What the marks of a mail are filled with. `affected` has an entry per message that the mail carries."""

    contact_point_ids: Sequence[int]
    """All that share the mailbox and this mail; the first is the one that its Message-ID names."""
    address: str
    name: str
    zone: str
    affected: Sequence[Sequence[Affected]]
    """Several accounts where a person belongs to several (E6)."""


Piece = tuple[bytes, str | None]  # a literal, already encoded, and the mark after it


class MailForm:
    """A message, or several that share a mail, ready to be addressed: `build(recipient)` joins the pieces."""

    def __init__(self, messages: Sequence[Message], company: Company) -> None:
        self.message, self._messages = messages[0], messages
        with translation.override(self.message.language):
            self._subject = subject_of(messages, company)
            self._affected = gettext("Affected at %(account)s: %(labels)s")
        self._threads = [thread_of(message) for message in messages]
        self._may_unsubscribe = self.message.update_id is not None
        self._links = {f"link.{n}": link_of(m) for n, m in enumerate(messages) if m.variant not in TRACKS}
        self._text, self._html = frame(messages, company)
        self._boundary = f"=_{self.message.key.hex}"
        self._head = _static_headers(company, self._boundary)
        self._unsubscribe = f"{settings.SITE_URL}/unsubscribe/"
        self._domain = settings.MAIL_DOMAIN
        self._zones: dict[str, tuple[str, list[Piece], list[Piece]]] = {}

    def build(self, to: Recipient, *, now: datetime) -> bytes:
        """The whole message in bytes, CRLF, 7 bit, not dot-stuffed."""
        points = unsubscribe_signer.sign(".".join(map(str, to.contact_point_ids)))
        own = {"name": to.name, "unsubscribe": f"{self._unsubscribe}{points}/"}
        if self.message.variant == Variant.PUBLIC:
            own["manage"] = manage_link(to.contact_point_ids[0])
        for n, affected in enumerate(to.affected):
            own[f"affected.{n}"] = affected_words(self._affected, affected)
            if (message := self._messages[n]).variant in TRACKS:
                own[f"link.{n}"] = opening_link(message, affected)
        if to.zone not in self._zones:
            self._zones[to.zone] = self._in_zone(to.zone)
        subject, text, markup = self._zones[to.zone]
        return b"".join(
            [
                self._head,
                self._own_headers(to, subject, own, now),
                *_joined(text, {name: _encoded(value) for name, value in own.items()}),
                *_joined(markup, {name: _encoded(_escaped(value)) for name, value in own.items()}),
            ]
        )

    def _in_zone(self, zone: str) -> tuple[str, list[Piece], list[Piece]]:
        """Subject, text and HTML with what all readers of a zone share filled in; the marks left are a person's."""

        def shared(name: str) -> str:
            return marks.time_words(name, zone, self.message.language) or self._links.get(name) or marks.mark(name)

        text = marks.fill(self._text, shared)
        markup = marks.fill(self._html, lambda name: _escaped(shared(name)))
        end = f"\r\n--{self._boundary}--\r\n"
        return (
            marks.fill(self._subject, shared),
            _pieces(_part_head("plain", self._boundary), text, "\r\n\r\n"),
            _pieces(_part_head("html", self._boundary), markup, end),
        )

    def _own_headers(self, to: Recipient, subject: str, own: Mapping[str, str], now: datetime) -> bytes:
        lead = to.contact_point_ids[0]
        roots = [f"<incident-{thread}.{lead}@{self._domain}>" for thread in self._threads]
        lines = [
            f"To: {_address(to.name, to.address)}",
            f"Subject: {_subject(marks.fill(subject, own.__getitem__))}",
            f"Date: {_date(now)}",
            f"Message-ID: {message_id(self.message, lead)}",
            f"In-Reply-To: {roots[0]}",
            "References: " + "\r\n ".join(roots),
        ]
        if self._may_unsubscribe:
            lines += [
                f"List-Unsubscribe: <{own['unsubscribe']}>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def subject_of(messages: Sequence[Message], company: Company) -> str:
    """A message's own; of several that share a mail who writes, how many there are, and their references."""
    if len(messages) == 1:
        return messages[0].subject
    references = ", ".join(message.incident.reference for message in messages if message.incident)
    return gettext("%(company)s: %(count)d updates (%(references)s)") % {
        "company": marks.clean_line(company.name),
        "count": len(messages),
        "references": references,
    }


def affected_words(line: str, affected: Sequence[Affected]) -> str:
    """A line per account, one after the other."""
    return "\n".join(line % {"account": one.account, "labels": shown_labels(one.labels)} for one in affected)


def opening_link(message: Message, affected: Sequence[Affected]) -> str:
    """Opens the incident of an update without signing in (E9); of any other message it leads to its page."""
    if message.update_id is None or message.incident_id is None:
        return link_of(message)
    points = [(one.contact_point_id, one.account_id) for one in affected]
    token = links.token_of(message.incident_id, Variant(message.variant), points, message.created_at)
    return f"{settings.SITE_URL}/i/{token}/"


def link_of(message: Message) -> str:
    """Where the whole story is: the incident's page, for colleagues its room, for the public its public page."""
    if message.incident is None:
        return f"{settings.SITE_URL}/report/" if message.answer_id else f"{settings.SITE_URL}/"
    if message.variant == Variant.PUBLIC:
        return f"{settings.SITE_URL}/status/incidents/{message.incident.public.key}/"
    page = "room" if message.variant == Variant.INTERNAL else "incidents"
    return f"{settings.SITE_URL}/{page}/{message.incident_id}/"


def thread_of(message: Message) -> str:
    """What the mails of one incident have in common; the public knows only the public key of it (K1)."""
    if message.incident is not None and message.variant == Variant.PUBLIC:
        return f"{message.incident.public.key}"
    return f"{message.incident_id or message.key}"


def manage_link(contact_point_id: int) -> str:
    """Where a subscriber of the public page chooses his services, or ends it: whoever has the link may."""
    return f"{settings.SITE_URL}/status/manage/{manage_signer.sign(str(contact_point_id))}/"


def message_id(message: Message, contact_point_id: int) -> str:
    """Stable over attempts, different per recipient and message."""
    return f"<{message.key.hex}.{contact_point_id}@{settings.MAIL_DOMAIN}>"


def shown_labels(labels: Sequence[str]) -> str:
    """Up to ten of the customer's own labels, and how many more there are (A4b)."""
    shown = ", ".join(labels[:LABELS_SHOWN])
    more = len(labels) - LABELS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def frame(messages: Sequence[Message], company: Company) -> tuple[str, str]:
    """The text and the HTML of a mail: greeting, then each message with what is affected and its link, footer."""
    first = messages[0]
    context = {
        "message": first,
        "parts": [
            {"message": message, "affected": marks.mark(f"affected.{n}"), "link": marks.mark(f"link.{n}")}
            for n, message in enumerate(messages)
        ],
        "company": {
            "name": marks.clean_line(company.name),
            "support_phone": marks.clean_line(company.support_phone),
        },
        "internal": first.variant == Variant.INTERNAL,
        "public": first.variant == Variant.PUBLIC,
        **{name: marks.mark(name) for name in ("name", "unsubscribe", "manage")},
    }
    with translation.override(first.language):
        text = render_to_string("messages/mail.txt", context)
        markup = render_to_string("messages/mail.html", context)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", css_inline.inline(markup, keep_style_tags=True)


def _static_headers(company: Company, boundary: str) -> bytes:
    lines = [
        f"From: {_address(company.sender_name, company.sender_address)}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
    ]
    if company.support_address:
        lines.append(f"Reply-To: {_address(company.name, company.support_address)}")
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _part_head(subtype: str, boundary: str) -> str:
    return (
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _pieces(head: str, body: str, end: str) -> list[Piece]:
    """Literals encoded once; each ends in a soft line break, so that a value may follow at a line's start."""
    found = marks.split(body)
    pieces = [(_encoded(literal), name) for literal, name in zip(found[::2], [*found[1::2], None], strict=True)]
    return [(head.encode("ascii") + pieces[0][0], pieces[0][1]), *pieces[1:], (end.encode("ascii"), None)]


def _joined(pieces: list[Piece], values: Mapping[str, bytes]) -> Iterator[bytes]:
    for literal, name in pieces:
        yield literal
        if name is not None:
            yield values[name]


def _escaped(value: str) -> str:
    return html.escape(value).replace("\n", "<br>")


def _encoded(value: str) -> bytes:
    """Quoted-printable with CRLF, closed by a soft line break."""
    encoded = binascii.b2a_qp(value.encode(), istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return encoded + b"=\r\n" if encoded else b""


@lru_cache(maxsize=16)
def _date(now: datetime) -> str:
    return format_datetime(now.astimezone(UTC))


@lru_cache(maxsize=4096)
def _subject(value: str) -> str:
    line = marks.clean_line(value)
    return (
        line
        if line.isascii() and len(line) < 900
        else Header(line, "utf-8", header_name="Subject").encode(linesep="\r\n")
    )


def _address(name: str, address: str) -> str:
    name, address = marks.clean_line(name), marks.clean_line(address)
    if name.isascii():
        return formataddr((name, address))
    words = Header(name, "utf-8", header_name="Reply-To").encode(linesep="\r\n", maxlinelen=75)  # RFC 2047, 2
    address.encode("ascii")  # refuses another address, as formataddr does
    return f"{words}\r\n <{address}>"
