"""What leaves: each delivery of a batch as the item of its transport. Each message's form is made once."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import structlog

from comms.audience import usage_of
from comms.choices import Variant
from comms.ledger import Claimed
from comms.models import Message
from comms.rendering import marks, verp
from comms.rendering.mail import Affected, MailForm, Recipient, link_of, manage_link
from comms.transports.base import ChatPost, Envelope, Item
from comms.transports.gsm7 import fit
from comms.transports.sms import Sms
from comms.transports.webhook import WebhookPost
from customers import clock
from customers.choices import TransportKind
from customers.models import Company

log = structlog.get_logger(__name__)
EVENT = "incident.updated"


Forms = dict[tuple[int, ...], MailForm]
"""Each mail's form by the messages in it."""


class Writer:
    """Writes the items of a batch whose rows are of one kind. `forms` are kept from one batch to the next."""

    def __init__(self, rows: Sequence[Claimed], forms: Forms | None = None) -> None:
        self._rows = rows
        self._forms = {} if forms is None else forms
        messages = Message.objects.select_related("incident__public", "update")
        self._messages = messages.in_bulk({row.message_id for row in rows})
        self._now = clock.now()
        self._write: dict[str, Callable[[Claimed, Message], Item]] = {
            TransportKind.WEBHOOK: self._webhook,
            TransportKind.SLACK: self._chat,
            TransportKind.TEAMS: self._chat,
            TransportKind.SMS: self._sms,
        }

    def groups(self) -> list[Sequence[Claimed]]:
        """The rows that leave together, each group led by the row that its Message-ID names: mostly one alone.

        A mailbox gets one mail of a message, whichever accounts it belongs to, and one of all messages that merge.
        """
        groups: dict[object, list[Claimed]] = {}
        for row in self._rows:
            groups.setdefault(self._mail_of(row), []).append(row)
        return [sorted(rows, key=lambda row: (row.message_id, row.contact_point_id)) for rows in groups.values()]

    def _mail_of(self, row: Claimed) -> object:
        message = self._messages.get(row.message_id)
        if message is None or row.address is None or not (row.shared or row.merges):
            return row.id
        if row.merges:
            return row.address.lower(), message.variant, message.language
        return row.address.lower(), message.pk

    def items(self, groups: Iterable[Sequence[Claimed]]) -> tuple[list[Item], list[tuple[Claimed, Exception]]]:
        """The items, and the rows that cannot be written with the reason: one's bad data holds up no other (R21)."""
        items: list[Item] = []
        unwritable: list[tuple[Claimed, Exception]] = []
        for rows in groups:
            try:
                items.append(self._item(rows))
            except Exception as error:
                log.exception("a message cannot be written", delivery=rows[0].id)
                unwritable += [(row, error) for row in rows]
        return items, unwritable

    def _item(self, rows: Sequence[Claimed]) -> Item:
        first = rows[0]
        if first.kind == TransportKind.EMAIL:
            return self._mail(rows)
        return self._write[first.kind](first, self._messages[first.message_id])

    def _mail(self, rows: Sequence[Claimed]) -> Envelope:
        first = rows[0]
        assert first.address is not None  # noqa: S101  the caller took those without one out
        affected: dict[int, dict[int | None, Affected]] = {row.message_id: {} for row in rows}
        for row in rows:
            one = Affected(row.account, self._labels_of(row), row.account_id or 0, row.contact_point_id)
            affected[row.message_id].setdefault(row.account_id, one)
        recipient = Recipient(
            contact_point_ids=sorted({row.contact_point_id for row in rows}),
            address=first.address,
            name=first.name,
            zone=first.zone,
            affected=[list(accounts.values()) for accounts in affected.values()],
        )
        payload = self._form_of(tuple(affected)).build(recipient, now=self._now)
        sender = verp.sender_of(first.id, self._company.sender_address)
        return Envelope(first.id, first.attempt, sender, first.address, payload)

    def _webhook(self, row: Claimed, message: Message) -> WebhookPost:
        data = _public_data(row, message) if message.variant == Variant.PUBLIC else self._data(row, message)
        return WebhookPost(
            delivery_id=row.id,
            attempt=row.attempt,
            url=row.address or "",
            secrets=[row.secret],
            message_id=f"msg_{message.key.hex}_{row.contact_point_id}",
            event=EVENT if message.update else "message.sent",
            occurred_at=message.created_at,
            data=json.dumps(data, ensure_ascii=False).encode(),
        )

    def _data(self, row: Claimed, message: Message) -> dict[str, object]:
        update = message.update
        return {
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

    def _form_of(self, message_ids: tuple[int, ...]) -> MailForm:
        if message_ids not in self._forms:
            self._forms[message_ids] = MailForm([self._messages[pk] for pk in message_ids], self._company)
        return self._forms[message_ids]

    @cached_property
    def _company(self) -> Company:
        return Company.current()

    @cached_property
    def _labels(self) -> dict[int, dict[int | None, list[str]]]:
        """Per message and account its own names of what the incident affects: one query a message."""
        return {pk: labels_of(message, self._rows) for pk, message in self._messages.items()}


def _public_data(row: Claimed, message: Message) -> dict[str, object]:
    """What the public may know, in the words of the status page's JSON: nothing of the private update (K1)."""
    assert message.incident is not None  # noqa: S101  a public text is that of an incident's update
    assert message.update is not None  # noqa: S101
    said = message.update.public
    return {
        "incident": message.incident.public.key,
        "title": message.subject.partition(": ")[2],
        "status": said.status,
        "text": said.body,
        "affected": said.affected,
        "url": link_of(message),
        "manage": manage_link(row.contact_point_id),
    }


def labels_of(message: Message, rows: Sequence[Claimed]) -> dict[int | None, list[str]]:
    if message.update_id is None or message.incident is None:
        return {}
    accounts = {row.account_id for row in rows if row.message_id == message.pk}
    used = usage_of(message.incident, message.created_at).filter(account__in=accounts)
    found: dict[int | None, list[str]] = {}
    for account_id, label in used.order_by("label").values_list("account_id", "label").distinct():
        found.setdefault(account_id, []).append(label)
    return found
