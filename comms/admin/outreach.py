"""Outreach: shown; it is logged at the outreach desk, where ownership is checked."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from comms.models import Outreach
from customers import clock
from customers.admin.base import ReadOnlyAdmin, SimpleListFilter


class NextStepFilter(SimpleListFilter):
    title = "next step"
    parameter_name = "next"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("open", "open"), ("overdue", "overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outreach]) -> QuerySet[Outreach]:
        if self.value() == "open":
            return queryset.filter(next_step_done_at=None).exclude(next_step="")
        if self.value() == "overdue":
            return Outreach.objects.overdue(clock.now().date()).filter(pk__in=queryset.values("pk"))
        return queryset


@admin.register(Outreach)
class OutreachAdmin(ReadOnlyAdmin):
    list_display = ("at", "account", "person", "way", "mood", "next_step", "next_step_due", "next_step_done_at")
    list_filter = (NextStepFilter, "way", "mood", ("person", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("account", "person")
    search_fields = ("account__name", "said", "next_step", "person__name")
