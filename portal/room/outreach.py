"""The outreach desk of a customer success manager: whom to call, what he promised, what he said (H5)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now, TruncDate
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from comms.actions.outreach import NextStepNeedsDay, finish_follow_up, finish_next_step, log_outreach
from comms.models import FollowUp, Incident, Outreach
from customers import clock
from customers.models import Account, Usage
from portal.access import StaffRequest, accounts_owned_by, staff_view
from portal.room.outreach_form import OutreachForm

RECENTLY = timedelta(days=7)
LOG_SHOWN = 50


@dataclass(frozen=True)
class Call:
    """An account of mine that an incident touches and that nobody has spoken with about it."""

    account: Account
    incident: Incident


@require_GET
@staff_view("comms.log_outreach")
def desk(request: StaffRequest) -> HttpResponse:
    mine = accounts_owned_by(request.user)
    entries = Outreach.objects.filter(account__in=mine).select_related("account", "incident", "contact", "person")
    today = timezone.localdate()
    steps = entries.filter(next_step_done_at=None).exclude(next_step="").order_by("next_step_due", "pk")
    overdue = list(steps.overdue(today))
    context = {
        "part": "outreach",
        "follow_ups": FollowUp.objects.filter(account__in=mine, done_at=None).select_related("account"),
        "overdue": [(entry, (today - entry.next_step_due).days) for entry in overdue if entry.next_step_due],
        "coming": steps.filter(next_step_due__gte=today),
        "calls": _calls(mine, clock.now()),
        "log": entries.filter(logged_by=request.user).order_by("-at", "-pk")[:LOG_SHOWN],
        "today": today,
    }
    return render(request, "room/outreach.html", context)


def _calls(mine: QuerySet[Account], now: datetime) -> list[Call]:
    """Published incidents, open or just resolved, per affected account without an outreach: open and severe first."""
    recent = Incident.objects.published().filter(Q(resolved_at=None) | Q(resolved_at__gte=now - RECENTLY))
    incident = "component__impacts__incident"
    pairs = set(
        Usage.objects.filter(  # one call of filter(), so that all conditions speak of the same impact
            Q(ends_on=None) | Q(ends_on__gte=TruncDate(F(f"{incident}__detected_at"), tzinfo=UTC)),
            starts_on__lte=TruncDate(Coalesce(F(f"{incident}__resolved_at"), Now()), tzinfo=UTC),
            account__in=mine,
            component__impacts__told_at__isnull=False,  # nobody is called about what was saved and not said
            **{f"{incident}__in": recent},
        ).values_list("account_id", incident)
    )
    called = Outreach.objects.filter(account__in=mine, incident__in=recent)
    pairs -= set(called.values_list("account_id", "incident_id"))
    accounts = Account.objects.in_bulk({account for account, _ in pairs})
    incidents = Incident.objects.in_bulk({incident for _, incident in pairs})
    calls = [Call(accounts[account], incidents[incident]) for account, incident in pairs]
    return sorted(
        calls,
        key=lambda c: (not c.incident.is_open, -c.incident.severity, -c.account.contract_value, c.account.name),
    )


@require_http_methods(["GET", "POST"])
@staff_view("comms.log_outreach")
def new(request: StaffRequest) -> HttpResponse:
    """Log a contact. The account comes by the address; without one the page asks for it."""
    mine = accounts_owned_by(request.user)
    if not request.GET.get("account"):
        return render(request, "room/outreach_new.html", {"part": "outreach", "accounts": mine.order_by("name")})
    account = get_object_or_404(mine, pk=_number(request.GET["account"]))
    now = clock.now()
    initial: dict[str, Any] = {"person": request.user.pk, "at": now}
    if request.GET.get("incident"):
        initial["incident"] = _number(request.GET["incident"])
    form = OutreachForm(request.POST if request.method == "POST" else None, account=account, now=now, initial=initial)
    if initial.get("incident") not in (None, *form.incident_ids()):
        raise Http404
    if form.is_valid():
        try:
            log_outreach(account=account, logged_by=request.user, **form.logged())
        except NextStepNeedsDay as refusal:
            form.add_error("next_step_due", str(refusal))
        else:
            messages.success(request, f"Logged: {account}.")
            return redirect("outreach")
    context = {"part": "outreach", "form": form, "account": account}
    return render(request, "room/outreach_new.html", context, status=422 if form.is_bound else 200)


def _number(value: str) -> int:
    """The id of an address; whatever is not one belongs to nothing."""
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Http404
    return int(value)


@require_POST
@staff_view("comms.log_outreach")
def done(request: StaffRequest, pk: int) -> HttpResponse:
    """The next step was done. A second click finds it done already."""
    entry = get_object_or_404(Outreach, pk=pk, account__in=accounts_owned_by(request.user))
    if finish_next_step(outreach_id=entry.pk, actor=request.user):
        messages.success(request, f"Done: {entry.next_step}.")
    return redirect("outreach")


@require_POST
@staff_view("comms.log_outreach")
def seen_to(request: StaffRequest, pk: int) -> HttpResponse:
    """What needed looking at was looked at. A second click finds it done already."""
    entry = get_object_or_404(FollowUp, pk=pk, account__in=accounts_owned_by(request.user))
    if finish_follow_up(follow_up_id=entry.pk, actor=request.user):
        messages.success(request, f"Done: {entry.account}, {entry.subject}.")
    return redirect("outreach")
