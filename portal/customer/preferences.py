"""What a customer sets for himself: addresses, what he is sent and when, his track, language and zone (F6, B7, E7)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from customers import clock
from customers.actions import accounts, confirmations, points, wishes
from customers.choices import TransportKind
from customers.models import Contact, ContactPoint
from portal import access
from portal.access import CustomerRequest
from portal.customer.views import customer_form, customer_page
from portal.customer.wishes_forms import AddressForm, PersonForm, TrackForm, WishesForm, zone_names

CONFIRMATIONS_MAX, CONFIRMATIONS_SECONDS = 10, 3600  # of one login: mails to addresses that he types


@dataclass(frozen=True)
class Section:
    """One account's part of the page."""

    contact: Contact
    points: list[ContactPoint]
    wishes: WishesForm
    address: AddressForm


@customer_page
def preferences(request: CustomerRequest) -> HttpResponse:
    return _page(request)


@customer_form
def save_person(request: CustomerRequest) -> HttpResponseBase:
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _page(request, {"person": form})
    wishes.set_language_and_zone(user=request.user, **form.cleaned_data)
    return _saved(request, _("Saved. Pages and messages follow from now on."), "you")


@customer_form
def save_wishes(request: CustomerRequest, pk: int) -> HttpResponseBase:
    contact = _own(request, pk)
    services = access.services_by_account(request.viewer, clock.now().date())[contact.account_id]
    form = WishesForm(request.POST, contact=contact, services=services)
    if not form.is_valid():
        return _page(request, {f"wishes-{pk}": form})
    wishes.set_wishes(contact_id=contact.pk, **form.cleaned_data)
    return _saved(request, _("Saved. It counts from the next message on."), f"wishes-{pk}")


@customer_form
def choose_track(request: CustomerRequest, pk: int) -> HttpResponseBase:
    contact, form = _own(request, pk), TrackForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: choose one of the two texts."))
        return _back(f"track-{pk}")
    try:
        accounts.choose_own_track(contact_id=contact.pk, track=form.cleaned_data["track"], user=request.user)
    except accounts.TrackLocked:
        messages.error(request, _("Nothing was changed: the texts of your company are set by us. Please ask us."))
        return _back(f"track-{pk}")
    return _saved(request, _("Saved. You read these texts from now on, here and in your messages."), f"track-{pk}")


@customer_form
def add_address(request: CustomerRequest, pk: int) -> HttpResponseBase:
    contact = _own(request, pk)
    form = AddressForm(request.POST, contact=contact)
    if form.is_valid():
        try:
            return _add(request, contact, **form.cleaned_data)
        except points.AddressRefused as refusal:
            form.add_error("address", str(refusal))
        except confirmations.NotMailed:
            words = _(
                "Nothing was added: our mail server did not take the mail to this address. Try again in a minute."
            )
            form.add_error("address", words)
    return _page(request, {f"address-{pk}": form})


def _add(request: CustomerRequest, contact: Contact, kind: TransportKind, address: str) -> HttpResponseBase:
    back = f"addresses-{contact.pk}"
    if kind == TransportKind.EMAIL:
        _count_confirmation(request)
        confirmations.ask(contact=contact, user=request.user, address=address)
        words = _("We have mailed a link to %(address)s. The address is used when somebody has opened it.")
        return _saved(request, words % {"address": address}, back)
    point = points.add_point(contact_id=contact.pk, kind=kind, address=address)
    if point.secret:
        words = _("The secret that signs what we post there. Copy it now, it cannot be shown again:")
        messages.warning(request, format_html("{} <code>{}</code>", words, point.secret))
    return _saved(request, _("Added. It is used from the next message on."), back)


def _count_confirmation(request: CustomerRequest) -> None:
    """So that nobody mails strangers through us."""
    key = f"confirmations:{request.user.pk}"
    cache.add(key, 0, CONFIRMATIONS_SECONDS)
    if cache.incr(key) > CONFIRMATIONS_MAX:
        raise points.AddressRefused(_("You have asked for many addresses in the last hour. Try again later."))


@customer_form
def change_address(request: CustomerRequest, pk: int, point_pk: int) -> HttpResponseBase:
    contact, back = _own(request, pk), f"addresses-{pk}"
    try:
        words = _change(contact.pk, point_pk, request.POST.get("do", ""))
    except ContactPoint.DoesNotExist as error:
        raise Http404 from error
    except points.LastAddress:
        words = _("Nothing was changed: it is the last e-mail address at which we reach you. Add another one first.")
        messages.error(request, words)
        return _back(back)
    return _saved(request, words, back)


def _change(contact_id: int, point_id: int, what: str) -> str:
    if what == "remove":
        return _("Removed: nothing is sent to %s any more.") % points.remove_point(
            contact_id=contact_id, point_id=point_id
        )
    if what in {"stop", "resume"}:
        point = points.subscribe_point(contact_id=contact_id, point_id=point_id, wanted=what == "resume")
        stopped = _("Stopped: no messages about incidents go to %s.")
        return (_("Messages about incidents go to %s again.") if what == "resume" else stopped) % point
    raise Http404


@customer_form
def revoke_links(request: CustomerRequest, pk: int) -> HttpResponseBase:
    wishes.revoke_links(contact_id=_own(request, pk).pk)
    return _saved(request, _("Done. The links in mails until now open nothing any more."), f"links-{pk}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever reads the mail says that messages may come. Only a POST acts: scanners of mail follow every link."""
    try:
        asked = confirmations.opened(token)
        done = request.method == "POST"
        if done:
            confirmations.confirm(token)
    except confirmations.LinkVoid:
        return render(request, "customer/confirm_void.html", status=404)
    except points.AddressRefused as refusal:
        return render(request, "customer/confirm_address.html", {"asked": asked, "refused": str(refusal)})
    return render(request, "customer/confirm_address.html", {"asked": asked, "done": done})


def _own(request: CustomerRequest, pk: int) -> Contact:
    """One of the contacts that the viewer is."""
    contact = next((contact for contact in request.viewer.contacts if contact.pk == pk), None)
    if contact is None:
        raise Http404
    return contact


def _saved(request: HttpRequest, words: str, place: str) -> HttpResponseBase:
    messages.success(request, words)
    return _back(place)


def _back(place: str) -> HttpResponseBase:
    return redirect(f"{reverse('preferences')}#{place}")


def _page(request: CustomerRequest, wrong: Mapping[str, Any] | None = None) -> HttpResponse:
    """The whole page; `wrong` holds the form that was sent and is to be shown as it was typed."""
    wrong, viewer = wrong or {}, request.viewer
    services = access.services_by_account(viewer, clock.now().date())
    mine: dict[int, list[ContactPoint]] = defaultdict(list)
    for point in access.points_for(viewer).exclude(suppressed_reason=points.REMOVED).order_by("pk"):
        mine[point.contact_id or 0].append(point)
    prefetch_related_objects(viewer.contacts, "services")
    sections = [
        Section(
            contact=contact,
            points=mine[contact.pk],
            wishes=wrong.get(f"wishes-{contact.pk}")
            or WishesForm(contact=contact, services=services[contact.account_id]),
            address=wrong.get(f"address-{contact.pk}") or AddressForm(contact=contact),
        )
        for contact in viewer.contacts
    ]
    context = {
        "viewer": viewer,
        "sections": sections,
        "person": wrong.get("person") or PersonForm(initial=_person_of(request)),
        "zones": zone_names(),
        "wrong": bool(wrong),
    }
    return render(request, "customer/preferences.html", context, status=422 if wrong else 200)


def _person_of(request: CustomerRequest) -> dict[str, str]:
    first = request.viewer.contacts[0] if request.viewer.contacts else None
    if first is None:
        return {"language": request.user.language, "timezone": request.user.timezone}
    return {"language": first.language, "timezone": first.timezone}
