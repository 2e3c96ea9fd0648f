"""Credits as the room shows them: read only, they are signed in the admin."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from comms.choices import CreditState
from comms.models import Credit, CreditLine
from portal.access import StaffRequest, staff_view

DECIDED_SHOWN = 20


@require_GET
@staff_view("comms.view_credit")
def credit_list(request: StaffRequest) -> HttpResponse:
    """Those that wait for a person, and the last that were decided."""
    listed = Credit.objects.select_related("account", "incident", "decided_by").prefetch_related("lines__service")
    decided = listed.exclude(state=CreditState.PROPOSED).order_by("-decided_at")[:DECIDED_SHOWN]
    proposed = listed.filter(state=CreditState.PROPOSED)
    return render(
        request,
        "room/credits.html",
        {"part": "credits", "proposed": _with_words(proposed), "decided": _with_words(decided)},
    )


def _with_words(listed: QuerySet[Credit]) -> list[tuple[Credit, list[tuple[CreditLine, str]]]]:
    return [(credit, [(line, exactly(line.downtime)) for line in credit.lines.all()]) for credit in listed]


def exactly(seconds: int) -> str:
    """A downtime to the second, as it was counted (H2): `1 h 02 min 05 s`."""
    return f"{seconds // 3600} h {seconds // 60 % 60:02} min {seconds % 60:02} s"
