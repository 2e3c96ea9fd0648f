"""What a mail that came back says: delivery status notifications (RFC 3464) and complaints (RFC 5965, ARF).

Only what is meant for machines is read; the words for people differ with every server and every language.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from comms.choices import ReportKind

STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")  # RFC 3463
RECIPIENT_HEADERS = ("To", "Delivered-To", "X-Original-To")
ACTIONS = {
    "delivered": ReportKind.DELIVERED,
    "expanded": ReportKind.DELIVERED,
    "delayed": ReportKind.DELAYED,
    "failed": ReportKind.BOUNCED,
}
FEEDBACK = {
    "abuse": ReportKind.COMPLAINED,
    "fraud": ReportKind.COMPLAINED,
    "virus": ReportKind.COMPLAINED,
    "other": ReportKind.COMPLAINED,
    "opt-out": ReportKind.UNSUBSCRIBED,
}
MILDEST_FIRST = [ReportKind.DELIVERED, ReportKind.DELAYED, ReportKind.BOUNCED]


class NotAReport(Exception):
    """Nothing of it concerns a delivery; the words say what it is."""


class AutoReply(NotAReport):
    """Written by a machine for a person: out of office, received with thanks."""


@dataclass(frozen=True, slots=True)
class MailReport:
    """What a mail reports. `sent_to` are addresses of which one may be the bounce address of the mail it is about."""

    kind: ReportKind
    about_address: bool
    """A bounce says that this address takes no mail. One about content, policy, size or a full box does not."""
    address: str
    detail: str
    message_id: str
    sent_to: tuple[str, ...]
    reported_at: datetime | None


def read_report(raw: bytes) -> MailReport:
    """What these bytes (RFC 5322, they may be cut off) report.

    Raises:
        NotAReport: it is an automatic reply (AutoReply), somebody's letter, or something else.
    """
    try:
        mail = message_from_bytes(raw)
        parts = list(mail.walk())
    except (RecursionError, ValueError) as error:
        raise NotAReport("This is not a mail that can be read.") from error
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            return _status(mail, _blocks(part))
        if part.get_content_type() == "message/feedback-report":
            return _feedback(mail, _blocks(part))
    if _is_auto_reply(mail):
        raise AutoReply("This is an automatic reply. It says nothing of a delivery, and nothing was kept.")
    raise NotAReport("This mail reports nothing: it holds neither a delivery status nor a feedback report.")


def _blocks(part: Message) -> list[Message]:
    blocks = part.get_payload()
    return [block for block in blocks if isinstance(block, Message)] if isinstance(blocks, list) else []


def _status(mail: Message, blocks: list[Message]) -> MailReport:
    """Of several recipients the mildest word counts: a list that reached some of its members is not dead."""
    found = [(ACTIONS[action], block) for block in blocks if (action := _word(block, "Action")) in ACTIONS]
    if not found:
        raise NotAReport("This delivery status says of no recipient that mail failed, waits or was delivered.")
    kind, block = min(found, key=lambda pair: MILDEST_FIRST.index(pair[0]))
    status, diagnosis = _text(block, "Status"), _typed(block, "Diagnostic-Code")
    return MailReport(
        kind=kind,
        about_address=kind == ReportKind.BOUNCED and _concerns_address(status, diagnosis),
        address=_typed(block, "Original-Recipient") or _typed(block, "Final-Recipient"),
        detail=diagnosis or status,
        message_id=_text(mail, "Message-ID"),
        sent_to=_sent_to(mail),
        reported_at=_date(mail),
    )


def _concerns_address(status: str, diagnosis: str) -> bool:
    """Whether nobody is there. Else a filter that dislikes one mail would silence a customer in an outage (R9)."""
    found = STATUS.search(status)
    if found is None or found[0].endswith(".0.0"):
        found = STATUS.search(diagnosis) or found
    if found is None or found[1] != "5":
        return False
    subject, detail = int(found[2]), int(found[3])
    return subject not in {6, 7} and (subject, detail) not in {(2, 2), (2, 3), (3, 4)}


def _feedback(mail: Message, blocks: list[Message]) -> MailReport:
    block = blocks[0] if blocks else Message()
    word = _word(block, "Feedback-Type")
    if word not in FEEDBACK:
        raise NotAReport(f"This feedback report is of the type “{word or 'none'}”, which is no complaint.")
    reporter = _typed(block, "Reporting-MTA") or _text(block, "User-Agent")
    return MailReport(
        kind=FEEDBACK[word],
        about_address=True,
        address=_first_address([_text(block, "Original-Rcpt-To")]),
        detail=f"{word}, reported by {reporter}" if reporter else word,
        message_id=_text(mail, "Message-ID"),
        sent_to=(*_sent_to(mail), *_addresses([_text(block, "Original-Mail-From")])),  # our envelope's sender
        reported_at=_date(mail),
    )


def _is_auto_reply(mail: Message) -> bool:
    """RFC 3834, and what was in use before it."""
    submitted = _word(mail, "Auto-Submitted")
    older = mail.get("X-Autoreply") or mail.get("X-Autorespond") or _word(mail, "Precedence") == "auto_reply"
    return submitted not in {"", "no"} or bool(older)


def _sent_to(mail: Message) -> tuple[str, ...]:
    return tuple(_addresses(str(value) for name in RECIPIENT_HEADERS for value in mail.get_all(name, [])))


def _addresses(values: Iterable[str]) -> list[str]:
    return [address for _, address in getaddresses(list(values)) if "@" in address]


def _first_address(values: Iterable[str]) -> str:
    return next(iter(_addresses(values)), "")


def _text(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _word(message: Message, name: str) -> str:
    """The value without its parameters and comments, in lower case."""
    return re.split(r"[;(\s]", _text(message, name).lower(), maxsplit=1)[0]


def _typed(message: Message, name: str) -> str:
    """The value after its type: `rfc822; jo@customer.example`."""
    _, _, value = _text(message, name).partition(";")
    return value.strip()


def _date(mail: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(_text(mail, "Date"))
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
