"""Who we are: one row, set once, used everywhere."""

from django.contrib import admin
from django.http import HttpRequest

from customers.admin.base import ModelAdmin
from customers.models import Company


@admin.register(Company)
class CompanyAdmin(ModelAdmin):
    list_display = ("name", "sender_name", "sender_address", "support_phone", "support_address")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Company | None = None) -> bool:
        return False
