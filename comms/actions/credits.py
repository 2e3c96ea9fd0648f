"""SLA credits: proposed from the incident's own intervals, signed by a person, told in a message of its own (H2)."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet, Sum

from comms import enqueue, fanout
from comms.actions import timeline
from comms.audience import accounts_affected
from comms.choices import CreditState, ImpactLevel, Lane, TimelineKind, Variant
from comms.models import Credit, CreditLine, Incident, IncidentImpact, Message
from comms.policies import downtime, sla
from comms.policies.downtime import Interval
from comms.rendering.credit import render_credit
from customers import clock
from customers.choices import Language
from customers.models import Account, Usage, User


class CannotDecide(ValueError):
    """Why this credit cannot be approved or declined now."""


def propose(*, incident_id: int) -> int:
    """A credit for each account and month whose policy the resolved incident broke; returns how many. Again adds none.

    An incident that is open again proposes nothing: its downtime is not over.
    """
    with transaction.atomic():
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if incident.resolved_at is None:
            return 0
        accounts = accounts_affected(incident, incident.resolved_at).filter(sla_policy__isnull=False, monthly_fee__gt=0)
        usages = _usages(accounts)
        impacts = _impacts(usages)
        made = 0
        # Locked: of two incidents that end together the later must see what the earlier proposes.
        locked = accounts.select_for_update(of=("self",), no_key=True).select_related("sla_policy")
        for account in locked.prefetch_related("sla_policy__tiers"):
            for month in _months(incident, ZoneInfo(account.timezone)):
                made += _propose(incident, account, usages[account.pk], impacts, month)
        if made:
            timeline.note(incident, TimelineKind.CREDIT, f"{made} credits proposed.", now=clock.now())
        return made


def _usages(accounts: QuerySet[Account]) -> dict[int, list[Usage]]:
    found: dict[int, list[Usage]] = defaultdict(list)
    for usage in Usage.objects.filter(account__in=accounts).select_related("component"):
        found[usage.account_id].append(usage)
    return found


def _impacts(usages: dict[int, list[Usage]]) -> list[IncidentImpact]:
    """Every published interval of every component that these accounts use: a month counts all its incidents."""
    components = {usage.component_id for used in usages.values() for usage in used}
    return list(IncidentImpact.objects.filter(component__in=components, incident__published_at__isnull=False))


def _months(incident: Incident, zone: ZoneInfo) -> list[Interval]:
    """The calendar months, in this zone, that the incident's intervals touch."""
    months: set[Interval] = set()
    for impact in incident.impacts.all():
        month = sla.month_window(impact.started_at, zone)
        months.add(month)
        while impact.ended_at is not None and month.end < impact.ended_at:
            month = sla.month_window(month.end, zone)
            months.add(month)
    return sorted(months)


def _propose(
    incident: Incident, account: Account, usages: list[Usage], impacts: list[IncidentImpact], month: Interval
) -> bool:
    """One account's month: downtime per service over all incidents, the policy's percent, less what was credited."""
    assert account.sla_policy is not None  # noqa: S101  filtered by the caller
    lines = _lines(incident, account, usages, impacts, month)
    if not lines:
        return False
    percent = max(line.percent for line in lines)
    first_day = month.start.astimezone(ZoneInfo(account.timezone)).date()
    credits = Credit.objects.filter(account=account, month=first_day)  # a query an account: only those that fell short
    mine = credits.filter(incident=incident).first()
    if mine is not None and mine.state != CreditState.PROPOSED:
        return False
    others = credits.exclude(incident=incident).exclude(state=CreditState.DECLINED)
    credited = others.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    amount = sla.credit_amount(account.monthly_fee, percent, credited)
    if not amount or (mine is not None and mine.amount == amount):
        return False
    if mine is not None:
        mine.delete()  # nobody outside knows a proposal
    credit = Credit.objects.create(
        account=account,
        incident=incident,
        month=first_day,
        monthly_fee=account.monthly_fee,
        percent=percent,
        amount=amount,
        currency=account.currency,
        policy_name=account.sla_policy.name,
        proposed_at=clock.now(),
    )
    for line in lines:
        line.credit = credit
    CreditLine.objects.bulk_create(lines)
    return True


def _lines(
    incident: Incident, account: Account, usages: list[Usage], impacts: list[IncidentImpact], month: Interval
) -> list[CreditLine]:
    """A line per service that this incident took down in this month and that broke the policy."""
    policy = account.sla_policy
    assert policy is not None  # noqa: S101
    assert incident.resolved_at is not None  # noqa: S101  checked by propose
    until = min(month.end, incident.resolved_at)  # what another incident adds later is that incident's credit
    tiers = [sla.Tier(below=tier.below, credit=tier.credit) for tier in policy.tiers.all()]
    counted = [i for i in impacts if policy.degraded_counts or i.level != ImpactLevel.DEGRADED]
    by_service: dict[int, list[Usage]] = defaultdict(list)
    for usage in usages:
        by_service[usage.component.service_id].append(usage)
    lines = []
    for service_id, used in by_service.items():
        zone = ZoneInfo(account.timezone)
        spans = [downtime.usage_span(u.component_id, u.starts_on, u.ends_on, zone) for u in used]
        down = _seconds_down(counted, spans, month, until)
        own = _seconds_down([i for i in counted if i.incident_id == incident.pk], spans, month, until)
        uptime = sla.uptime_percent(month, down)
        percent = sla.credit_percent(tiers, uptime)
        if own and percent:
            lines.append(
                CreditLine(
                    service_id=service_id,
                    downtime=down,
                    downtime_of_incident=own,
                    uptime=uptime,
                    percent=percent,
                )
            )
    return lines


def _seconds_down(
    impacts: list[IncidentImpact], spans: list[downtime.UsageSpan], month: Interval, until: datetime
) -> int:
    rows = [downtime.Impact(i.component_id, i.started_at, i.ended_at) for i in impacts]
    return downtime.seconds(downtime.clip(downtime.downtime_of_service(rows, spans, until), month))


@transaction.atomic
def approve(*, credit_id: int, approver: User, note: str = "") -> Credit:
    """Sign a credit; its letter leaves on the readers' tracks, as a message of its own.

    Raises:
        CannotDecide: it was decided before, or its incident is open (again): no word of money before the end (D3).
    """
    credit = _undecided(credit_id)
    if credit.incident.is_open:
        raise CannotDecide(f"{credit.incident.reference} is not resolved: credits are told after it, never before.")
    now = _decide(credit, CreditState.APPROVED, approver, note)
    reached = 0
    for variant in (Variant.TECHNICAL, Variant.BUSINESS):
        rendered = render_credit(credit, variant)
        message = Message.objects.create(
            credit=credit,
            incident=credit.incident,
            variant=variant,
            language=Language.ENGLISH,
            lane=Lane.NORMAL,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            short=rendered.short,
            created_at=now,
        )
        reached += fanout.fan_out(message, now=now)
    words = f"Credit approved: {credit.amount} {credit.currency} for {credit.account}; told to {reached}."
    timeline.note(credit.incident, TimelineKind.CREDIT, words, now=now, actor=approver)
    enqueue.deliveries(Lane.NORMAL)
    return credit


@transaction.atomic
def decline(*, credit_id: int, approver: User, note: str) -> Credit:
    """Decline a credit with a reason; nobody outside is told.

    Raises:
        CannotDecide: it was decided before, or no reason is given.
    """
    if not note.strip():
        raise CannotDecide("Say why the credit is declined.")
    credit = _undecided(credit_id)
    now = _decide(credit, CreditState.DECLINED, approver, note)
    words = f"Credit declined: {credit.amount} {credit.currency} for {credit.account}: {credit.decision_note}"
    timeline.note(credit.incident, TimelineKind.CREDIT, words, now=now, actor=approver)
    return credit


def _undecided(credit_id: int) -> Credit:
    credits = Credit.objects.select_for_update(of=("self",)).select_related("incident", "account")
    credit = credits.get(pk=credit_id)
    if credit.state != CreditState.PROPOSED:
        raise CannotDecide(f"This credit was {credit.get_state_display()} by {credit.decided_by} already.")
    return credit


def _decide(credit: Credit, state: CreditState, approver: User, note: str) -> datetime:
    credit.state, credit.decided_by, credit.decided_at = state, approver, clock.now()
    credit.decision_note = note.strip()[:200]
    credit.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])
    return credit.decided_at
