"""The ledger, shown: who was told what, when, and what the other side answered (E2)."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from comms.admin.reference import REFERENCE
from comms.models import Delivery, Message
from customers.admin.base import ReadOnlyAdmin
from customers.models import ContactPoint

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator

AT_MOST = 10_000
GONE = "(erased)"


class NewestPages(BasePaginator):
    """Counts to 10,000 and no further: the ledger has a row per person and message, and nobody turns 100 pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:AT_MOST].count())


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "subject", "address", "state", "code", "reply", "attempts", "finished_at")
    list_filter = ("state", "lane")
    search_fields = ("contact_point__address",)
    search_help_text = "A whole e-mail address, or an incident like INC-7. At most the newest 10,000 are listed."
    show_full_result_count = False
    paginator = NewestPages
    ordering = ("-pk",)
    fields = (
        "subject", "address", "lane", "state", "code", "reply", "attempts", "lost_leases", "uncertain_attempts",
        "created_at", "due_at", "first_attempt_at", "finished_at", "leased_until", "kind",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Delivery | None = None) -> tuple[str, ...]:
        return self.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Subject and address by subquery, not by join: a row stays in sight when its contact has been erased."""
        message = Message.objects.filter(pk=OuterRef("message_id"))
        point = ContactPoint.objects.filter(pk=OuterRef("contact_point_id"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(
            message_subject=Subquery(message.values("subject")[:1]),
            point_address=Subquery(point.values("address")[:1]),
        )  # fmt: skip
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By indexes only: an address through its contact points, an incident through its messages."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if reference := REFERENCE.fullmatch(term):
            return queryset.filter(message__in=Message.objects.filter(incident=int(reference[1]))), False
        points = ContactPoint.objects.filter(address__iexact=term)
        return queryset.filter(contact_point__in=points.values("pk")), False

    @admin.display(description="message")
    def subject(self, delivery: Any) -> str:
        return delivery.message_subject or GONE

    @admin.display(description="to")
    def address(self, delivery: Any) -> str:
        return delivery.point_address or GONE
