"""Keys and secrets of machines: shown once when they are made, revoked by deleting them."""

import base64
import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from customers.actions import keys
from customers.admin.base import ModelAdmin, ModelForm, actor_of
from customers.models import ApiKey, WebhookSender


class ApiKeyForm(ModelForm):
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[(scope, scope) for scope in keys.SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="What a machine with this key may do.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "expires_at")
        help_texts = {"expires_at": "Empty: it does not expire."}

    def clean_expires_at(self) -> Any:
        expires = self.cleaned_data["expires_at"]
        if expires is not None and expires <= timezone.now():
            raise forms.ValidationError("This time has passed: the key would never be valid.")
        return expires


class MadeOnce(ModelAdmin):
    """Made once, seen once, never changed; to revoke it is to delete it."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def show_once(self, request: HttpRequest, what: str, secret: str) -> None:
        words = "{} Copy it now, it cannot be shown again: <code>{}</code>"
        self.message_user(request, format_html(words, what, secret), messages.WARNING)


@admin.register(ApiKey)
class ApiKeyAdmin(MadeOnce):
    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes_in_words", "created_by", "created_at", "expires_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "prefix")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return ("name", "scopes", "expires_at") if obj is None else self.list_display

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return () if obj is None else self.list_display

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:
        key = keys.create_key(name=obj.name, scopes=obj.scopes, created_by=actor_of(request), expires_at=obj.expires_at)
        made = keys.find_key(key)
        assert made is not None  # noqa: S101  the form refuses a key that has expired
        obj.pk = made.pk
        self.show_once(request, f"The key “{obj.name}”.", key)

    @admin.display(description="scopes")
    def scopes_in_words(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)


@admin.register(WebhookSender)
class WebhookSenderAdmin(MadeOnce):
    list_display = ("slug", "created_at")

    def get_fields(self, request: HttpRequest, obj: WebhookSender | None = None) -> Any:
        return ("slug",) if obj is None else self.list_display

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookSender | None = None) -> Any:
        return () if obj is None else self.list_display

    def save_model(self, request: HttpRequest, obj: WebhookSender, form: ModelForm, change: bool) -> None:
        # the form that libraries of Standard Webhooks read
        obj.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        obj.save()
        self.show_once(request, f"The secret of “{obj.slug}”.", obj.secret)
