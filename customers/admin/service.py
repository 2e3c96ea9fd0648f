"""The service catalogue (A4)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from customers.admin.base import ModelAdmin, ReadOnlyAdmin, Rows, count_of
from customers.models import Component, Service, Usage


class ComponentRows(Rows):
    model = Component
    verbose_name_plural = "Components"
    fields = ("name", "external_id", "cluster", "region")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Component]:
        return super().get_queryset(request).select_related("service")


@admin.register(Service)
class ServiceAdmin(ModelAdmin):
    list_display = ("name", "external_id", "group", "is_public", "report_threshold", "position")
    list_filter = ("is_public", "group")
    search_fields = ("name", "external_id", "group")
    fieldsets = (
        (None, {"fields": ("name", "external_id", "description", "position")}),
        ("Public status page", {"fields": ("is_public", "group")}),
        ("Reports of customers", {"fields": ("report_threshold",)}),
    )
    inlines = (ComponentRows,)


@admin.register(Component)
class ComponentAdmin(ModelAdmin):
    list_display = ("name", "service", "cluster", "region", "used_by")
    list_filter = ("service", "region")
    list_select_related = ("service",)
    search_fields = ("name", "external_id", "cluster", "service__name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(usage_n=count_of(Usage.objects.all(), "component"))
        return rows

    @admin.display(description="usages", ordering="usage_n")
    def used_by(self, component: Any) -> int:
        return int(component.usage_n)


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    list_display = ("label", "account", "component", "starts_on", "ends_on")
    list_filter = ("component__service",)
    list_select_related = ("account", "component__service")
    search_fields = ("label", "external_id", "account__name")
