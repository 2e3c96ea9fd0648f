"""Credits: what was computed, shown line by line; a person signs or declines it (H2)."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.dateformat import format as format_date
from django.utils.dateparse import parse_date

from comms.actions import credits
from comms.admin.reference import ByReference
from comms.choices import CreditState
from comms.models import Credit, CreditLine
from customers.admin.base import Rows, SimpleListFilter, actor_of


def clock_words(seconds: int) -> str:
    """Hours:minutes:seconds; the hours go on past a day, as in the contract's arithmetic."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


class LineRows(Rows):
    model = CreditLine
    verbose_name_plural = "Services that fell short, downtime in h:mm:ss"
    fields = ("service", "down", "down_by_incident", "up", "owed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditLine]:
        return super().get_queryset(request).select_related("service")

    @admin.display(description="downtime of the month")
    def down(self, line: CreditLine) -> str:
        return clock_words(line.downtime)

    @admin.display(description="of it by this incident")
    def down_by_incident(self, line: CreditLine) -> str:
        return clock_words(line.downtime_of_incident)

    @admin.display(description="uptime of the month")
    def up(self, line: CreditLine) -> str:
        return f"{line.uptime.normalize():f} %"

    @admin.display(description="credit")
    def owed(self, line: CreditLine) -> str:
        return f"{line.percent.normalize():f} %"


class MonthFilter(SimpleListFilter):
    title = "month"
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        months = Credit.objects.order_by("-month").values_list("month", flat=True).distinct()
        return [(month.isoformat(), format_date(month, "F Y")) for month in months]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Credit]) -> QuerySet[Credit]:
        try:
            month = parse_date(self.value() or "")
        except ValueError:
            month = None
        return queryset if month is None else queryset.filter(month=month)


@admin.register(Credit)
class CreditAdmin(ByReference):
    change_form_template = "admin/credit_change_form.html"
    list_display = ("account", "total", "owed", "in_month", "incident", "state", "proposed_at", "decided_by")
    list_filter = ("state", MonthFilter)
    list_select_related = ("account", "incident", "decided_by")
    search_fields = ("account__name", "account__external_id", "incident__title")
    fields = (
        "account", "incident", "in_month", "policy_name", "fee", "owed", "total", "state", "proposed_at",
        "decided_by", "decided_at", "decision_note",
    )  # fmt: skip
    inlines = (LineRows,)

    def get_readonly_fields(self, request: HttpRequest, obj: Credit | None = None) -> tuple[str, ...]:
        return self.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credit]:
        return super().get_queryset(request).select_related("incident", "account")

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What waits for a signature first."""
        waiting = Case(When(state=CreditState.PROPOSED, then=Value(0)), default=Value(1))
        return [waiting, "-proposed_at", "account__name"]

    @admin.display(description="month", ordering="month")
    def in_month(self, credit: Credit) -> str:
        return format_date(credit.month, "F Y")

    @admin.display(description="amount", ordering="amount")
    def total(self, credit: Credit) -> str:
        return f"{credit.amount} {credit.currency}"

    @admin.display(description="monthly fee")
    def fee(self, credit: Credit) -> str:
        return f"{credit.monthly_fee} {credit.currency}"

    @admin.display(description="share of the fee", ordering="percent")
    def owed(self, credit: Credit) -> str:
        return f"{credit.percent.normalize():f} %"

    def may_sign(self, request: HttpRequest) -> bool:
        return actor_of(request).has_perm("comms.sign_credit")

    def get_urls(self) -> list[URLPattern]:
        def at(verb: str, view: Callable[..., HttpResponse]) -> URLPattern:
            guarded = self.admin_site.admin_view(view)
            return path(f"<path:object_id>/{verb}/", guarded, name=f"comms_credit_{verb}")

        return [at("approve", self.approve_view), at("decline", self.decline_view), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = {"may_sign": self.may_sign(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def approve_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request, object_id, credits.approve, "Approved: {}. The customer is told now, in a message of its own."
        )

    def decline_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, credits.decline, "Declined: {}. Nobody outside is told.")

    def _decide(self, request: HttpRequest, object_id: str, action: Callable[..., Credit], done: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        credit = self.get_object(request, unquote(object_id))
        if not self.may_sign(request) or not self.has_view_permission(request, credit):
            raise PermissionDenied
        if credit is None:
            raise Http404
        try:
            action(credit_id=credit.pk, approver=actor_of(request), note=request.POST.get("note", ""))
        except credits.CannotDecide as error:
            self.message_user(request, f"Nothing was decided. {error}", messages.ERROR)
        else:
            self.message_user(request, done.format(credit), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:comms_credit_change", args=[credit.pk]))
