"""Rows of the ledger with what they lead to: a fixed number of queries, whoever has been erased since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comms import ledger
from comms.actions import mending
from comms.actions.mending import Hindrance
from comms.choices import DeliveryState
from comms.models import Delivery, Message
from comms.rendering import marks
from comms.rendering.mail import message_id
from customers import clock
from customers.choices import TransportKind
from customers.models import Account, Contact, ContactPoint

SENDING = (DeliveryState.CLAIMED, DeliveryState.STARTED)
SUPERSEDED = "superseded by"  # how comms.actions.deliveries.settling begins the reply


@dataclass(frozen=True)
class Entry:
    """A delivery with its message and its address; `point` is None where the contact has been erased."""

    delivery: Delivery
    message: Message
    point: ContactPoint | None
    newer: int | None = None

    @property
    def contact(self) -> Contact | None:
        return self.point.contact if self.point else None

    @property
    def account(self) -> Account | None:
        return self.contact.account if self.contact else None

    @property
    def address(self) -> str:
        return self.point.address if self.point else ""

    @property
    def name(self) -> str:
        if self.contact:
            return self.contact.name
        return str(self.point.user) if self.point and self.point.user else ""

    @property
    def subject(self) -> str:
        """As a line with its times in UTC."""
        return marks.fill_times(self.message.subject, "UTC", self.message.language)

    @property
    def state(self) -> str:
        return state_word(self.delivery.state, self.delivery.attempts, self.delivery.reply)

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def mail_id(self) -> str:
        """Under which the receiver knows it, the same in every attempt; chats have none."""
        match self.delivery.kind:
            case TransportKind.EMAIL:
                return message_id(self.message, self.delivery.contact_point_id)
            case TransportKind.WEBHOOK:
                return f"msg_{self.message.key.hex}_{self.delivery.contact_point_id}"
            case TransportKind.SMS:
                return f"{self.message.key.hex}-{self.delivery.contact_point_id}"
        return ""

    @property
    def hindrance(self) -> Hindrance | None:
        return mending.hindrance_of(self.message, self.point, self.newer)

    @property
    def may_retry(self) -> bool:
        return self.hindrance is None and self.state in MENDED

    @property
    def may_lift(self) -> bool:
        """Both the suppression and the delivery; a person's own wish is never lifted by us."""
        return self.hindrance is Hindrance.SUPPRESSED and self.state in MENDED

    @property
    def may_call(self) -> bool:
        return self.account is not None and self.message.incident_id is not None and self.state in MENDED


# word of a state -> class of its part of a bar and of its pill, in the order of the bars
TONES = {
    "queued": "rest",
    "sending": "sending",
    "accepted": "ok",
    "delivered": "delivered",
    "retrying": "retrying",
    "uncertain": "warn",
    "failed": "error",
    "bounced": "bounced",
    "suppressed": "suppressed",
    "superseded": "superseded",
}
MENDED = ("failed", "bounced", "uncertain", "suppressed", "retrying")


def state_word(state: str, attempts: int, reply: str) -> str:
    """What a person tells apart: a state, or `sending`, `retrying` and `superseded`."""
    if state in SENDING:
        return "sending"
    if state == DeliveryState.QUEUED and attempts:
        return "retrying"
    if state == DeliveryState.SUPPRESSED and reply.startswith(SUPERSEDED):
        return "superseded"
    return state


def entries_of(deliveries: Iterable[Delivery], *, texts: bool = False, mending: bool = False) -> list[Entry]:
    """The rows with what they lead to, in their order; `mending` also asks which gave way to a newer update."""
    rows = list(deliveries)
    messages = Message.objects.select_related("incident", "update")
    if not texts:
        messages = messages.defer("text", "html")
    found = messages.in_bulk({row.message_id for row in rows})
    points = ContactPoint.objects.select_related("contact__account", "user")
    known = points.in_bulk({row.contact_point_id for row in rows})
    orders = _newer([row.pk for row in rows]) if mending and rows else {}
    return [Entry(row, found[row.message_id], known.get(row.contact_point_id), orders.get(row.pk)) for row in rows]


def _newer(ids: Sequence[int]) -> dict[int, int | None]:
    return {pk: order.newer for pk, order in ledger.order_of(ids, now=clock.now()).items()}
