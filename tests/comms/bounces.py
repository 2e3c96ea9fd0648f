"""Mails that came back, as servers write them: tests/data/bounces, each for a bounce address."""

from pathlib import Path

from django.db.models import Max

from comms.choices import DeliveryState
from comms.models import Delivery
from comms.rendering import verp
from tests.factories import make_account, make_component, make_contact, make_incident, publish

FOLDER = Path(__file__).parent.parent / "data" / "bounces"
BOUNCES = "bounces@portal.example"
FORGED = f"bounces+1.{'a' * 16}@portal.example"


def sample(name: str, to: str, **changes: str) -> bytes:
    """The mail of this name, sent to (or, a complaint, about) this address; `old="new"` pairs change its words."""
    text = (FOLDER / f"{name}.eml").read_text().replace("{to}", to)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.replace("\n", "\r\n").encode()


def told(*addresses: str, state: DeliveryState = DeliveryState.ACCEPTED, owner=None) -> list[Delivery]:
    """One update for these, each of an account of his own; what it left in the ledger, in the order of addresses."""
    component = make_component()
    for address in addresses:
        make_contact(make_account(uses=(component,), owner=owner), email=address)
    publish(make_incident(component))
    rows = Delivery.objects.filter(message=Delivery.objects.aggregate(last=Max("message"))["last"])
    rows.update(state=state, attempts=1, code=250, reply="2.0.0 taken")
    found = {row.contact_point.address: row for row in rows.select_related("contact_point")}
    return [Delivery.objects.get(pk=found[address].pk) for address in addresses]


def bounce_address(delivery: Delivery) -> str:
    return verp.sender_of(delivery.pk, "")
