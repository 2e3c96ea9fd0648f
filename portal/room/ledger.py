"""The proof, per incident: how far the sending is, what did not arrive and why, and one click to mend it (E2, E8)."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from comms.actions import mending
from comms.choices import DeliveryState, Variant
from comms.models import CallTask, Delivery, Incident
from customers.choices import TransportKind
from customers.models import ContactPoint, User
from portal.access import StaffRequest, staff_view
from portal.room.bars import sending_of
from portal.room.entries import SUPERSEDED, entries_of

PAGE = 50
CALLS_SHOWN = 100
LARGEST_KEY = 2**63 - 1
RETRYING = Q(state=DeliveryState.QUEUED, attempts__gt=0)
GAVE_WAY = Q(state=DeliveryState.SUPPRESSED, reply__startswith=SUPERSEDED)
NOT_ARRIVED = [DeliveryState.FAILED, DeliveryState.BOUNCED, DeliveryState.UNCERTAIN, DeliveryState.SUPPRESSED]
STATES = {
    "": (Q(state__in=NOT_ARRIVED) & ~GAVE_WAY) | RETRYING,
    "failed": Q(state=DeliveryState.FAILED),
    "bounced": Q(state=DeliveryState.BOUNCED),
    "uncertain": Q(state=DeliveryState.UNCERTAIN),
    "retrying": RETRYING,
    "suppressed": Q(state=DeliveryState.SUPPRESSED) & ~GAVE_WAY,
    "superseded": GAVE_WAY,
    "arrived": Q(state__in=[DeliveryState.ACCEPTED, DeliveryState.DELIVERED]),
    "any": Q(),
}


class LedgerForm(forms.Form):
    """What of the ledger is listed; `before` is the last row of the page before."""

    q = forms.CharField(label=_("Address or account"), max_length=200, required=False)
    track = forms.ChoiceField(label=_("Track"), required=False, choices=[("", _("all")), *Variant.choices])
    channel = forms.ChoiceField(label=_("Channel"), required=False, choices=[("", _("all")), *TransportKind.choices])
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("not arrived")),
            ("failed", _("failed")),
            ("bounced", _("bounced")),
            ("uncertain", _("uncertain")),
            ("retrying", _("retrying")),
            ("suppressed", _("suppressed")),
            ("superseded", _("superseded by a newer update")),
            ("arrived", _("arrived")),
            ("any", _("all that was sent")),
        ],
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY, widget=forms.HiddenInput)

    def narrow(self, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """What cannot be understood narrows nothing."""
        given = self.cleaned_data if self.is_valid() else getattr(self, "cleaned_data", {})
        rows = rows.filter(STATES[given.get("state", "")])
        if given.get("track"):
            rows = rows.filter(message__variant=given["track"])
        if given.get("channel"):
            rows = rows.filter(kind=given["channel"])
        if given.get("q"):
            rows = rows.filter(contact_point__in=_found(given["q"]))
        return rows

    @property
    def place(self) -> int | None:
        return self.cleaned_data.get("before") if self.is_valid() else None


def _found(words: str) -> QuerySet[Any]:
    points = ContactPoint.objects.filter(
        Q(address__icontains=words) | Q(contact__account__name__icontains=words) | Q(contact__name__icontains=words)
    )
    return points.values("pk")


@require_GET
@vary_on_headers("HX-Request")
@staff_view("comms.view_delivery")
def ledger(request: StaffRequest, pk: int) -> HttpResponse:
    """The whole page; htmx asks only for what moves."""
    incident = get_object_or_404(Incident, pk=pk)
    context: dict[str, Any] = {"part": "room", "incident": incident, "sending": sending_of(incident)}
    if request.headers.get("HX-Request") == "true":
        return render(request, "room/_sending.html", context)
    form = LedgerForm(request.GET, label_suffix="")
    rows = form.narrow(Delivery.objects.filter(message__incident=incident))
    if form.place is not None:
        rows = rows.filter(pk__lt=form.place)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    context |= {
        "form": form,
        "entries": entries_of(found[:PAGE], mending=True),
        "older": older_of(request, found[PAGE - 1].pk) if len(found) > PAGE else "",
        "newest": older_of(request, None) if form.place is not None else "",
        "narrowed": any(request.GET.get(name) for name in ("q", "track", "channel", "state")),
        "calls": _calls(incident),
        "may_mend": request.user.has_perm("comms.mend_delivery"),
        "back": request.get_full_path(),
    }
    return render(request, "room/ledger.html", context)


def _calls(incident: Incident) -> QuerySet[CallTask]:
    """The most valuable account first, those that nobody has called before the others."""
    named = CallTask.objects.filter(incident=incident).select_related("account", "called_by")
    return named.order_by("-account__contract_value", "pk")[:CALLS_SHOWN]


def older_of(request: StaffRequest, before: int | None) -> str:
    """The address of the page that begins after a row, or of the first one, with the same filters."""
    query = request.GET.copy()
    query.pop("before", None)
    if before is not None:
        query["before"] = str(before)
    return f"{request.path}?{query.urlencode()}" if query else request.path


Mended = tuple[Callable[..., Any], str]
MENDERS: dict[str, Mended] = {
    "retry": (mending.retry_delivery, "It is queued and leaves now."),
    "lift": (mending.lift_and_retry, "The suppression is lifted; the message leaves now."),
    "call": (mending.call_instead, "The account is on the call list of this incident."),
}


@require_POST
@staff_view("comms.mend_delivery")
def mend(request: StaffRequest, pk: int) -> HttpResponse:
    """One click: `how` is retry, lift or call. A refusal says why, and nothing was changed."""
    delivery = get_object_or_404(Delivery, pk=pk)
    done = MENDERS.get(request.POST.get("how", ""))
    if done is None:
        messages.error(request, "Nothing was changed: choose what is to be done.")
    else:
        _mend(request, *done, delivery_id=delivery.pk, actor=request.user)
    return redirect(_back(request))


def _mend(request: StaffRequest, action: Callable[..., Any], words: str, *, delivery_id: int, actor: User) -> None:
    try:
        action(delivery_id=delivery_id, actor=actor)
    except mending.CannotMend as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, words)


def _back(request: StaffRequest) -> str:
    """The page that was clicked on, if it is one of the room's."""
    given = request.POST.get("back", "")
    ours = given.startswith("/room/") and url_has_allowed_host_and_scheme(given, allowed_hosts=None)
    return given if ours else "/room/"
