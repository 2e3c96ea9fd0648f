"""This month so far, per service: how much of it was without outage, from the same intervals as the SLA (H2)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Max, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from comms.choices import ImpactLevel
from comms.models import IncidentImpact
from comms.policies import downtime, sla
from comms.policies.downtime import Impact, Interval
from customers.models import Account, Service, Usage
from portal.access import Viewer
from portal.customer.promises import words

EASTERNMOST = timedelta(hours=14)
THINNEST = 1.0  # percent of the bar: a minute of a month must be seen


@dataclass(frozen=True)
class MonthOfService:
    """A service in the calendar month of the account, up to now."""

    service: Service
    window: Interval
    down: tuple[Interval, ...]
    now: datetime

    @property
    def percent(self) -> Decimal | None:
        """Of the time since the month began, cut to 3 decimals: so never above the whole month's figure of the SLA."""
        so_far = Interval(self.window.start, self.now)
        if not downtime.seconds([so_far]):
            return None
        return sla.shown_percent(sla.uptime_percent(so_far, downtime.seconds(self.down)))

    @property
    def words(self) -> str:
        down = downtime.seconds(self.down)
        return _("%(time)s of outage") % {"time": words(timedelta(seconds=down))} if down else _("no outage")

    @property
    def passed(self) -> str:
        """How much of the month is over, as the width of the bar's own part."""
        return _share(self.now - self.window.start, self.window)

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """The outages in the bar: where each begins and how wide it is."""
        return [
            (
                _share(piece.start - self.window.start, self.window),
                _share(piece.end - piece.start, self.window, THINNEST),
            )
            for piece in self.down
        ]

    @property
    def month(self) -> str:
        return date_format(timezone.localtime(self.now), "F")


def _share(part: timedelta, whole: Interval, least: float = 0.0) -> str:
    return f"{max(least, 100 * (part / (whole.end - whole.start))):.2f}%"


def earliest_first(now: datetime) -> date:
    """A day on or before the first of the month wherever an account may be."""
    return (now.astimezone(UTC) - EASTERNMOST).date().replace(day=1)


def months_of(viewer: Viewer, used: Sequence[Usage], now: datetime) -> list[MonthOfService]:
    """Per service the month of the account to which it was down longest; only what customers were told counts."""
    accounts = {contact.account_id: contact.account for contact in viewer.contacts}
    by_service: dict[tuple[int, int], list[Usage]] = defaultdict(list)
    for usage in used:
        by_service[usage.component.service_id, usage.account_id].append(usage)
    impacts = _impacts_told({usage.component_id for usage in used}, now)
    worst: dict[int, MonthOfService] = {}
    for (service_id, account_id), usages in by_service.items():
        month = _month_of(accounts[account_id], usages, impacts, now)
        known = worst.get(service_id)
        if known is None or downtime.seconds(month.down) > downtime.seconds(known.down):
            worst[service_id] = month
    return list(worst.values())


def _impacts_told(components: set[int], now: datetime) -> Sequence[IncidentImpact]:
    """The published intervals of these components that reach into the month; an end that was not told is none yet."""
    begun = datetime.combine(earliest_first(now), datetime.min.time(), UTC) - EASTERNMOST
    rows = IncidentImpact.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=begun),
        component__in=components,
        told_at__isnull=False,
        incident__published_at__isnull=False,
    )
    told = list(rows.annotate(said_at=Max("incident__updates__published_at")))
    for impact in told:
        if impact.ended_at is not None and impact.said_at is not None and impact.ended_at > impact.said_at:
            impact.ended_at = None
    return told


def _month_of(
    account: Account, usages: Sequence[Usage], impacts: Sequence[IncidentImpact], now: datetime
) -> MonthOfService:
    zone = _zone_of(account)
    window = sla.month_window(now, zone)
    degraded_counts = account.sla_policy is not None and account.sla_policy.degraded_counts
    counted = {
        Impact(i.component_id, i.started_at, i.ended_at)
        for i in impacts
        if degraded_counts or i.level != ImpactLevel.DEGRADED
    }
    spans = {downtime.usage_span(u.component_id, u.starts_on, u.ends_on, zone) for u in usages}
    down = downtime.clip(downtime.downtime_of_service(list(counted), list(spans), now), window)
    return MonthOfService(usages[0].component.service, window, tuple(down), now)


def _zone_of(account: Account) -> ZoneInfo:
    try:
        return ZoneInfo(account.timezone)
    except (ZoneInfoNotFoundError, ValueError):  # imported from a CRM, which may hold anything
        return ZoneInfo("UTC")
