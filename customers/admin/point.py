"""Adding a way to reach a contact: checked, and the secret of a webhook shown once."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from customers.actions import points
from customers.admin.base import actor_of
from customers.choices import TransportKind
from customers.models import Contact, ContactPoint


class PointForm(forms.Form):
    kind = forms.TypedChoiceField(label="Channel", choices=TransportKind.choices, coerce=TransportKind)
    address = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="An https address for a webhook, Slack or Teams; a number with + and country for SMS.",
    )


def may_add(request: HttpRequest) -> bool:
    return actor_of(request).has_perm("customers.add_contactpoint")


def add_point_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    contact = model_admin.get_object(request, unquote(object_id))
    if not may_add(request) or not model_admin.has_view_permission(request, contact):
        raise PermissionDenied
    if contact is None:
        raise Http404
    form = PointForm(request.POST or None)
    if form.is_valid() and _add(model_admin, request, contact, form):
        return HttpResponseRedirect(reverse("admin:customers_contact_change", args=[contact.pk]))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Add an address: {contact}",
        "opts": model_admin.opts,
        "contact": contact,
        "form": form,
    }
    return TemplateResponse(request, "admin/add_point.html", context)


def _add(model_admin: Any, request: HttpRequest, contact: Contact, form: PointForm) -> bool:
    try:
        with transaction.atomic():
            point = points.add_point(contact_id=contact.pk, **form.cleaned_data)
            words = f"Added {point.get_kind_display()}: {point.address}"
            LogEntry.objects.log_actions(actor_of(request).pk, [contact], CHANGE, words)
    except points.AddressRefused as refusal:
        form.add_error("address", str(refusal))
        return False
    model_admin.message_user(request, f"{words}. It is used from the next message on.", messages.SUCCESS)
    if point.secret:
        _show_once(model_admin, request, point)
    return True


def _show_once(model_admin: Any, request: HttpRequest, point: ContactPoint) -> None:
    words = "The secret that signs what we post there. Copy it now, it cannot be shown again: <code>{}</code>"
    model_admin.message_user(request, format_html(words, point.secret), messages.WARNING)
