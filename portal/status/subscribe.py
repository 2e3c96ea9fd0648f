"""Following the public page by mail or webhook. A GET never acts; asking answers the same whoever is asked about.

These pages set no cookie, as all of the public page. So they have no CSRF token, and need none: no cookie decides here
what a form may do. Who posts it for somebody else in a foreign page gains nothing that he could not post himself, and
what acts on a subscription needs its signed address. Templates get no request, so that nothing begins a session.
"""

from typing import Any

import structlog
from django import forms
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from comms.actions import deliveries, subscribing
from comms.rendering.mail import manage_signer
from customers.actions import subscribers
from customers.choices import TransportKind
from customers.models import Company, ContactPoint, Service
from portal.status import limits

log = structlog.get_logger(__name__)
READS = require_http_methods(["GET", "HEAD", "POST"])


class ServicesForm(forms.Form):
    """Which public services; none chosen: all."""

    services = forms.MultipleChoiceField(
        label=_("Only these services"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "label_suffix": ""})
        public = Service.objects.filter(is_public=True).order_by("position", "name")
        self.fields["services"].choices = list(public.values_list("public_key", "name"))  # type: ignore[attr-defined]


class MailForm(ServicesForm):
    address = forms.EmailField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class HookForm(ServicesForm):
    address = forms.CharField(
        label=_("Address of your webhook"),
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_("An https address on the internet that takes posts."),
    )

    def clean_address(self) -> str:
        url: str = self.cleaned_data["address"]
        if why := subscribing.refused_url(url):
            raise forms.ValidationError(why)
        return url


def _page(name: str, status: int = 200, **context: Any) -> HttpResponse:
    company = {"name": Company.current().name}
    return HttpResponse(
        render_to_string(f"status/{name}.html", {"company": company, "here": "subscribe", **context}), status=status
    )


@csrf_exempt
@never_cache
@READS
def subscribe(request: HttpRequest) -> HttpResponse:
    mail, hook = MailForm(prefix="mail"), HookForm(prefix="hook")
    if request.method != "POST":
        return _page("subscribe", mail=mail, hook=hook)
    by_hook = "hook-address" in request.POST
    form = (HookForm if by_hook else MailForm)(request.POST, prefix="hook" if by_hook else "mail")
    if not form.is_valid():
        return _page("subscribe", 422, mail=mail if by_hook else form, hook=form if by_hook else hook)
    if not limits.take("asked", limits.client_of(request), limits.ASKED_BY_CLIENT):
        return _page("subscribe_later", 429)
    address, keys = form.cleaned_data["address"], form.cleaned_data["services"]
    if by_hook:
        token = subscribing.token_of(TransportKind.WEBHOOK, address, keys)
        return _page("subscribe_secret", address=address, token=token, secret=subscribing.secret_of(token))
    _ask(address, keys)
    return _page("subscribe_asked", address=address)


def _ask(address: str, keys: list[str]) -> None:
    """Whether a mail leaves is not told: the answer is the same for everybody."""
    if not limits.take("mails", address, limits.MAILS_TO_ADDRESS):
        return
    try:
        subscribing.ask_by_mail(address, keys)
    except OSError:  # the relay is away: he asks again, as for any mail that does not come
        log.exception("a mail that asks for a confirmation was not sent")


@csrf_exempt
@never_cache
@READS
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The button behind the link of the mail, or the test of a webhook."""
    try:
        wish = subscribing.opened(token)
    except subscribing.LinkVoid:
        return _page("subscribe_void", 404)
    asked = {"address": wish["address"], "token": token, "is_hook": wish["kind"] == TransportKind.WEBHOOK}
    if request.method != "POST":
        return _page("subscribe_confirm", **asked)
    if asked["is_hook"] and not limits.take("tests", limits.client_of(request), limits.ASKED_BY_CLIENT):
        return _page("subscribe_later", 429)
    try:
        point = subscribing.confirm(token)
    except subscribing.NotReached as why:
        return _page("subscribe_confirm", 422, why=str(why), **asked)
    return _page("subscribe_done", point=point, manage=manage_signer.sign(str(point.pk)), **asked)


@csrf_exempt
@never_cache
@READS
def manage(request: HttpRequest, token: str) -> HttpResponse:
    """Other services, or the end of it. Whoever has the link may."""
    point = _point_of(token)
    if point is None or point.subscriber is None:
        return _page("subscribe_void", 404)
    chosen = list(point.subscriber.services.values_list("public_key", flat=True))
    form, saved = ServicesForm(request.POST or None, initial={"services": chosen}), False
    if request.method == "POST" and "stop" in request.POST:
        deliveries.unsubscribe([point.pk])
    elif request.method == "POST" and form.is_valid():
        saved = subscribers.choose(contact_point_id=point.pk, service_keys=form.cleaned_data["services"])
    point.subscriber.refresh_from_db()
    follows = point.subscriber.confirmed_at is not None
    return _page("subscribe_manage", form=form, point=point, follows=follows, saved=saved)


def _point_of(token: str) -> ContactPoint | None:
    try:
        number = int(manage_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
    return ContactPoint.objects.select_related("subscriber").filter(pk=number, subscriber__isnull=False).first()
