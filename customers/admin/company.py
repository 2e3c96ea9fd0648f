"""Who we are: one row, set once, used everywhere."""

import re
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.core.validators import MinValueValidator
from django.http import HttpRequest

from customers.admin.base import ModelAdmin, ModelForm
from customers.models import Company

CURRENCY = re.compile(r"[A-Z]{3}")


class CompanyForm(ModelForm):
    """The fields' names and help in the words of whoever sets them up."""

    class Meta:
        labels = {"sms_price": "Price of one SMS", "sms_currency": "Currency", "sms_limit": "SMS limit"}
        help_texts = {
            "sms_price": "What your provider charges for one SMS. Empty: previews show the number and no cost.",
            "sms_currency": "Three letters, such as EUR or USD.",
            "sms_limit": (
                "An update of more SMS sends this many, to the accounts with the highest contract value first. "
                "All are sent where its author confirms it in the room."
            ),
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if "sms_price" in self.fields:  # who may only look has no fields
            self.fields["sms_price"].validators.append(MinValueValidator(Decimal(0)))

    def clean_sms_currency(self) -> str:
        currency: str = self.cleaned_data["sms_currency"].upper()
        if not CURRENCY.fullmatch(currency):
            raise forms.ValidationError("This is not a currency. Write its three letters, such as EUR or USD.")
        return currency


@admin.register(Company)
class CompanyAdmin(ModelAdmin):
    form = CompanyForm
    list_display = ("name", "sender_name", "sender_address", "support_phone", "support_address")
    fieldsets = (
        ("Identity", {
            "fields": ("name", "sender_name", "sender_address", "support_phone", "support_address"),
            "description": "Shown on every page and used in every message.",
        }),
        ("Merging", {
            "fields": ("merge_up_to", "merge_seconds"),
            "description": "When several incidents touch the same person, one mail can carry the updates of all.",
        }),
        ("SMS", {
            "fields": ("sms_price", "sms_currency", "sms_limit"),
            "description": "Every SMS is one part of at most 160 characters. The room shows number and cost first.",
        }),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Company | None = None) -> bool:
        return False
