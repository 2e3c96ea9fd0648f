"""What leaves: each delivery of a batch as the item of its transport. Each message's form is made once."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property

import structlog
from django.conf import settings

from comms.audience import usage_of
from comms.choices import Variant
from comms.ledger import Claimed
from comms.models import Message
from comms.rendering import marks
from comms.rendering.mail import MailForm, Recipient
from comms.transports.base import ChatPost, Envelope, Item
from comms.transports.gsm7 import fit
from comms.transports.sms import Sms
from comms.transports.webhook import WebhookPost
from customers import clock
from customers.choices import TransportKind
from customers.models import Company

log = structlog.get_logger(__name__)
EVENT = "incident.updated"


class Writer:
    """Writes the items of a batch whose rows are of one kind."""

    def __init__(self, rows: Sequence[Claimed]) -> None:
        self._rows = rows
        self._messages = Message.objects.select_related("incident", "update").in_bulk({row.message_id for row in rows})
        self._now = clock.now()
        self._write: dict[str, Callable[[Claimed, Message], Item]] = {
            TransportKind.EMAIL: self._mail,
            TransportKind.WEBHOOK: self._webhook,
            TransportKind.SLACK: self._chat,
            TransportKind.TEAMS: self._chat,
            TransportKind.SMS: self._sms,
        }

    def items(self) -> tuple[list[Item], list[tuple[Claimed, Exception]]]:
        """The items, and the rows that cannot be written with the reason: one's bad data holds up no other (R21)."""
        items: list[Item] = []
        unwritable: list[tuple[Claimed, Exception]] = []
        for row in self._rows:
            try:
                items.append(self._write[row.kind](row, self._messages[row.message_id]))
            except Exception as error:
                log.exception("a message cannot be written", delivery=row.id)
                unwritable.append((row, error))
        return items, unwritable

    def _mail(self, row: Claimed, message: Message) -> Envelope:
        assert row.address is not None  # noqa: S101  the caller took those without one out
        recipient = Recipient(
            contact_point_id=row.contact_point_id,
            address=row.address,
            name=row.name,
            account=row.account,
            zone=row.zone,
            labels=self._labels_of(row),
        )
        payload = self._form_of(message).build(recipient, now=self._now)
        return Envelope(row.id, row.attempt, self._company.sender_address, row.address, payload)

    def _webhook(self, row: Claimed, message: Message) -> WebhookPost:
        update = message.update
        data = {
            "reference": message.incident.reference if message.incident else None,
            "update": update.number if update else None,
            "status": update.status if update else None,
            "severity": update.severity if update else None,
            "track": message.variant,
            "subject": self._words(message.subject, row, message),
            "text": self._words(message.text, row, message),
            "account": row.account,
            "labels": self._labels_of(row),
            "url": link_of(message),
        }
        return WebhookPost(
            delivery_id=row.id,
            attempt=row.attempt,
            url=row.address or "",
            secrets=[row.secret],
            message_id=f"msg_{message.key.hex}_{row.contact_point_id}",
            event=EVENT if update else "message.sent",
            occurred_at=message.created_at,
            data=json.dumps(data, ensure_ascii=False).encode(),
        )

    def _chat(self, row: Claimed, message: Message) -> ChatPost:
        severity = message.update.get_severity_display() if message.update else ""
        over = message.update is not None and message.update.status == "resolved"
        return ChatPost(
            delivery_id=row.id,
            attempt=row.attempt,
            url=row.address or "",
            title=self._words(message.subject, row, message),
            text=self._words(message.text, row, message),
            link=link_of(message),
            severity="" if over else f"severity {severity}" if severity else "",
            tone="good" if over else "attention" if severity else "default",
        )

    def _sms(self, row: Claimed, message: Message) -> Sms:
        return Sms(
            delivery_id=row.id,
            attempt=row.attempt,
            to=row.address or "",
            text=fit(self._words(message.short, row, message), link_of(message)),
            reference=f"{message.key.hex}-{row.contact_point_id}",
        )

    def _words(self, text: str, row: Claimed, message: Message) -> str:
        return marks.fill_times(text, row.zone, message.language)

    def _labels_of(self, row: Claimed) -> list[str]:
        return self._labels[row.message_id].get(row.account_id, [])

    def _form_of(self, message: Message) -> MailForm:
        if message.pk not in self._forms:
            self._forms[message.pk] = MailForm(message, self._company)
        return self._forms[message.pk]

    @cached_property
    def _company(self) -> Company:
        return Company.current()

    @cached_property
    def _forms(self) -> dict[int, MailForm]:
        return {}

    @cached_property
    def _labels(self) -> dict[int, dict[int | None, list[str]]]:
        """Per message and account its own names of what the incident affects: one query a message."""
        return {pk: labels_of(message, self._rows) for pk, message in self._messages.items()}


def labels_of(message: Message, rows: Sequence[Claimed]) -> dict[int | None, list[str]]:
    if message.update_id is None or message.incident is None:
        return {}
    accounts = {row.account_id for row in rows if row.message_id == message.pk}
    used = usage_of(message.incident, message.created_at).filter(account__in=accounts)
    found: dict[int | None, list[str]] = {}
    for account_id, label in used.order_by("label").values_list("account_id", "label").distinct():
        found.setdefault(account_id, []).append(label)
    return found


def link_of(message: Message) -> str:
    """Where the whole story is: the incident's page, for colleagues its room."""
    if message.incident_id is None:
        return f"{settings.SITE_URL}/"
    page = "room" if message.variant == Variant.INTERNAL else "incidents"
    return f"{settings.SITE_URL}/{page}/{message.incident_id}/"
