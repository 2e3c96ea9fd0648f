"""A customer's own copy of what he was sent: the list, and each text as it reached him."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from comms.audience import usage_of
from comms.choices import DeliveryState
from comms.models import Delivery, Message
from comms.rendering import marks
from comms.rendering.mail import Affected, affected_words, frame, link_of
from comms.transports.gsm7 import fit
from customers.choices import TransportKind
from customers.models import Company, ContactPoint
from portal import access
from portal.access import CustomerRequest
from portal.customer.forms import MessagesForm
from portal.customer.views import customer_page

PAGE = 30
UNFINISHED = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.STARTED)


@dataclass(frozen=True)
class Copy:
    """One message as one of his addresses got it."""

    delivery: Delivery
    message: Message
    point: ContactPoint

    @property
    def account(self) -> str:
        return self.point.contact.account.name if self.point.contact else ""

    @property
    def tone(self) -> str:
        return {
            DeliveryState.ACCEPTED: "ok",
            DeliveryState.DELIVERED: "ok",
            DeliveryState.UNCERTAIN: "warn",
            DeliveryState.FAILED: "error",
            DeliveryState.BOUNCED: "error",
        }.get(DeliveryState(self.delivery.state), "rest")

    @property
    def state(self) -> str:
        """What became of it, in plain words; what the other server answered is for us."""
        state = self.delivery.state
        if state in UNFINISHED:
            return _("delayed, we try again") if self.delivery.attempts > 1 else _("on its way")
        if state in (DeliveryState.ACCEPTED, DeliveryState.DELIVERED):
            return _("sent")
        if state == DeliveryState.UNCERTAIN:
            return _("sent, arrival not confirmed")
        if state == DeliveryState.SUPPRESSED:
            return _("not sent")
        return _("could not be delivered")


def copies_of(rows: Iterable[Delivery], *, texts: bool = False) -> list[Copy]:
    found = list(rows)
    messages = Message.objects.select_related("incident", "update")
    if not texts:
        messages = messages.defer("text", "html")
    known = messages.in_bulk({row.message_id for row in found})
    points = ContactPoint.objects.select_related("contact__account").in_bulk({row.contact_point_id for row in found})
    return [Copy(row, known[row.message_id], points[row.contact_point_id]) for row in found]


@customer_page
def copies(request: CustomerRequest) -> HttpResponse:
    form = MessagesForm(request.GET)
    before: int | None = form.cleaned_data["before"] if form.is_valid() else None
    rows = access.deliveries_for(request.viewer)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    context = {
        "copies": copies_of(found[:PAGE]),
        "older": found[PAGE - 1].pk if len(found) > PAGE else "",
        "further": before is not None,
        "viewer": request.viewer,
    }
    return render(request, "customer/messages.html", context)


@customer_page
def copy(request: CustomerRequest, pk: int) -> HttpResponse:
    """The words that were sent, filled as they were for him."""
    row = get_object_or_404(access.deliveries_for(request.viewer), pk=pk)
    shown = next(iter(copies_of([row], texts=True)), None)
    if shown is None:
        raise Http404
    return render(request, "customer/message.html", {"copy": shown, "text": text_of(shown), "viewer": request.viewer})


def text_of(copy: Copy) -> str:
    """As this channel carried it, with times in the zone of the receiver, as in what he got."""
    message, contact = copy.message, copy.point.contact
    zone = (contact.timezone or contact.account.timezone) if contact else "UTC"
    link = link_of(message)
    match copy.delivery.kind:
        case TransportKind.EMAIL:
            return _mail(copy, zone, link)
        case TransportKind.SMS:
            return fit(marks.fill_times(message.short, zone, message.language), link)
    return marks.fill_times(message.text, zone, message.language)


def _mail(copy: Copy, zone: str, link: str) -> str:
    """The text part of the mail; its link to unsubscribe stays in the mail."""
    message, contact = copy.message, copy.point.contact
    text, _markup = frame([message], Company.current())
    words = {
        "name": contact.name if contact else "",
        "affected.0": affected_words(_("Affected at %(account)s: %(labels)s"), [Affected(copy.account, _labels(copy))]),
        "link.0": link,
        "unsubscribe": f"{settings.SITE_URL}/unsubscribe/…",
    }
    return marks.fill(text, lambda name: marks.time_words(name, zone, message.language) or words.get(name, ""))


def _labels(copy: Copy) -> list[str]:
    """The account's own names of what was affected when it was written."""
    message, contact = copy.message, copy.point.contact
    if message.update_id is None or message.incident is None or contact is None:
        return []
    used = usage_of(message.incident, message.created_at).filter(account=contact.account_id)
    return list(used.order_by("label").values_list("label", flat=True).distinct())
