"""What was reported after mails were accepted, and what owners of accounts were asked to see to: shown (E2, E4)."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from comms.admin.delivery import NewestPages
from comms.models import DeliveryReport, FollowUp
from customers.admin.base import ReadOnlyAdmin, SimpleListFilter


class MatchedFilter(SimpleListFilter):
    title = "mail"
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("ours", "about a mail of ours"), ("none", "belongs to no mail of ours")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeliveryReport]) -> QuerySet[DeliveryReport]:
        if self.value() in {"ours", "none"}:
            return queryset.filter(delivery__isnull=self.value() == "none")
        return queryset


@admin.register(DeliveryReport)
class DeliveryReportAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "kind", "address", "detail", "source", "delivery")
    list_filter = (MatchedFilter, "kind", "source")
    search_fields = ("=address", "=delivery")
    search_help_text = "A whole address, or the number of a delivery."
    show_full_result_count = False
    paginator = NewestPages
    fields = ("kind", "address", "detail", "source", "event", "delivery", "reported_at", "received_at")


class OpenFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("open", "open"), ("done", "done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
        if self.value() in {"open", "done"}:
            return queryset.filter(done_at__isnull=self.value() == "open")
        return queryset


@admin.register(FollowUp)
class FollowUpAdmin(ReadOnlyAdmin):
    list_display = ("raised_at", "account", "reason", "subject", "words", "done_at", "done_by")
    list_filter = (OpenFilter, "reason", ("account__owner", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("account", "done_by")
    search_fields = ("account__name", "subject")
