"""The proof, per account: everything it was told, by which way and whether it arrived (E2, I4)."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from comms.models import Delivery
from customers.models import Account, ContactPoint
from portal.access import StaffRequest, staff_view
from portal.room.entries import entries_of
from portal.room.ledger import PAGE, LedgerForm, older_of


def told_to(account: Account) -> QuerySet[Delivery]:
    """By the numbers of its addresses, which are few, so that the index of the contact point is taken."""
    points = ContactPoint.objects.filter(contact__account=account).values_list("pk", flat=True)
    return Delivery.objects.filter(contact_point__in=list(points))


@require_GET
@staff_view("comms.view_delivery")
def told(request: StaffRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(Account.objects.select_related("owner"), pk=pk)
    form = LedgerForm(request.GET)
    rows = told_to(account)
    if form.place is not None:
        rows = rows.filter(pk__lt=form.place)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    context = {
        "part": "room",
        "account": account,
        "entries": entries_of(found[:PAGE], mending=True),
        "older": older_of(request, found[PAGE - 1].pk) if len(found) > PAGE else "",
        "newest": older_of(request, None) if form.place is not None else "",
        "may_mend": request.user.has_perm("comms.mend_delivery"),
        "back": request.get_full_path(),
    }
    return render(request, "room/told.html", context)
