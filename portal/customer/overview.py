"""The home page: a sentence, what is wrong, what is mine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comms.models import Incident
from customers.models import Service, Usage
from portal.access import Viewer, incidents_for, usage_for
from portal.customer.cards import Card, cards_of
from portal.customer.planned import Planned, ahead_of, under_maintenance
from portal.customer.touches import MAINTENANCE, OPERATIONAL, ServiceState, Touch, state_of, touches_of, worst
from portal.customer.uptime import MonthOfService, earliest_first, months_of


@dataclass(frozen=True)
class Overview:
    """The home page: a sentence, what is wrong, what is mine."""

    cards: Sequence[Card]
    services: Sequence[ServiceState]
    planned: Sequence[Planned]
    months: Sequence[MonthOfService]
    now: datetime

    @property
    def affected(self) -> list[ServiceState]:
        return [service for service in self.services if service.affected]

    @property
    def unaffected(self) -> list[ServiceState]:
        return [service for service in self.services if service.state == OPERATIONAL]

    @property
    def worked_on(self) -> list[ServiceState]:
        """Those under maintenance now."""
        return [service for service in self.services if service.state == MAINTENANCE]

    @property
    def state(self) -> str:
        return worst(service.state for service in self.services) if self.services else "unknown"

    @property
    def sentence(self) -> str:
        bad, total = len(self.affected), len(self.services)
        if not total:
            return _("No service is listed for you yet.")
        if not bad and self.worked_on:
            return ngettext(
                "Maintenance is under way for your service.",
                "Maintenance is under way for %(worked)d of your %(total)d services.",
                total,
            ) % {"worked": len(self.worked_on), "total": total}
        if not bad:
            return ngettext("Your service is working.", "All %(total)d of your services are working.", total) % {
                "total": total
            }
        if bad == total:
            return ngettext("Your service is affected.", "All %(total)d of your services are affected.", total) % {
                "total": total
            }
        words = ngettext(
            "%(bad)d of your %(total)d services is affected.",
            "%(bad)d of your %(total)d services are affected.",
            bad,
        )
        return words % {"bad": bad, "total": total}


def overview_of(viewer: Viewer, now: datetime) -> Overview:
    """Open incidents that touch the viewer, newest first, and his services with the state that follows from them."""
    incidents = list((incidents_for(viewer) & Incident.objects.open()).order_by("-detected_at", "-pk"))
    touches = touches_of(viewer, incidents)
    used = _used_this_month(viewer, now)
    cards = cards_of(viewer, incidents, touches, now)
    planned = ahead_of(viewer, now)
    services = under_maintenance(_services(used, touches, now), planned, _("maintenance"))
    return Overview(cards, services, planned, months_of(viewer, used, now), now)


def _used_this_month(viewer: Viewer, now: datetime) -> list[Usage]:
    """What the viewer uses today, or has used since the month began wherever his accounts are."""
    used = usage_for(viewer) & Usage.objects.current(since=earliest_first(now), until=now.astimezone(UTC).date())
    in_order = used.order_by("component__service__position", "component__service__name", "label")
    return list(in_order.select_related("component__service"))


def _services(used: Sequence[Usage], touches: Sequence[Touch], now: datetime) -> list[ServiceState]:
    """What the viewer uses today; a service is as bad as the worst of the components that he uses."""
    today = now.astimezone(UTC).date()
    found: dict[int, tuple[Service, set[int], set[str]]] = {}
    for usage in used:
        if usage.ends_on is not None and usage.ends_on < today:
            continue
        service = usage.component.service
        _kept, components, labels = found.setdefault(service.pk, (service, set(), set()))
        components.add(usage.component_id)
        labels.add(usage.label)
    return [
        state_of(service, [t for t in touches if t.component_id in components], well=_("working"), labels=labels)
        for service, components, labels in found.values()
    ]
