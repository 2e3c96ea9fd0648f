"""SLA policies: terms as data (H2)."""

from django.contrib import admin

from customers.admin.base import ModelAdmin, TabularInline
from customers.models import SlaPolicy, SlaTier


class TierRows(TabularInline):
    model = SlaTier
    extra = 0
    verbose_name_plural = "Tiers: below this uptime of a calendar month, this share of the monthly fee"


@admin.register(SlaPolicy)
class SlaPolicyAdmin(ModelAdmin):
    list_display = ("name", "degraded_counts", "description")
    inlines = (TierRows,)
