"""Whoever holds the link of a mail: he sees that one incident on that one track, and nothing else (E9)."""

from dataclasses import dataclass

from django.db.models import F

from comms.choices import Variant
from comms.models import Incident, Message
from comms.rendering import links
from customers import clock
from customers.models import Contact, User
from portal import access
from portal.access import Viewer


@dataclass(frozen=True)
class Guest:
    """`viewer` is nobody who has signed in: it holds the contacts that the mail was for, and their accounts."""

    viewer: Viewer
    incident: Incident
    variant: Variant

    @property
    def language(self) -> str:
        first = self.viewer.contacts[0]
        return first.language or first.account.language


def guest_of(token: str) -> Guest | None:
    """None where the link is forged, too old or revoked, or its contacts have other accounts or tracks by now."""
    try:
        link = links.parse(token, now=clock.now())
    except links.NoSuchLink:
        return None
    accounts = dict(link.points)
    named = (
        Contact.objects.filter(points__in=accounts)
        .annotate(point=F("points__pk"))
        .select_related("account__sla_policy", "user")
        .order_by("pk")
    )
    contacts = tuple(
        contact
        for contact in named
        if contact.account_id == accounts[contact.point]
        and contact.effective_track == link.variant
        and not (contact.links_revoked_at and contact.links_revoked_at >= link.since)
        and (contact.user is None or contact.user.is_active)
    )
    viewer = Viewer(User(), contacts)
    incident = access.incidents_for(viewer).filter(pk=link.incident_id).first()
    return Guest(viewer, incident, link.variant) if incident is not None else None


def messages_of(guest: Guest) -> list[Message]:
    """The incident's texts on the link's track, oldest first."""
    return access.texts_on(guest.incident, guest.variant, guest.language)
