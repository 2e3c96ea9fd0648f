"""What a customer tells us: of an incident, of a service, and of how we told him (F4, F5)."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from comms.actions import feedback, voices
from comms.choices import VoiceKind
from customers.choices import Track
from customers.models import Contact
from portal import access
from portal.access import CustomerRequest
from portal.customer.reading import Found, find
from portal.customer.said import said_of, speaker_of, speaks_directly
from portal.customer.views import by_htmx, customer_page, in_his_words
from portal.customer.voices_forms import NO_WORDS, FeedbackForm, SayForm

P = ParamSpec("P")


def read_and_post(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A form on a page of its own: shown, and answered with itself where something in it is wrong."""
    return require_http_methods(["GET", "HEAD", "POST"])(access.customer_view(in_his_words(view)))


@customer_page
def incident_voices(request: CustomerRequest, pk: int) -> HttpResponse:
    """The part of the incident's page that shows what he said, and the answers."""
    found = find(request, pk)
    if not by_htmx(request):
        return redirect(_back(pk))
    said = said_of(request.viewer, found.incident, accounts_of(found))
    return render(request, "customer/_voices.html", {"said": said, "card": found.card, "viewer": request.viewer})


@read_and_post
def say(request: CustomerRequest, pk: int, kind: str) -> HttpResponseBase:
    """One thing about an incident. By a form of its own, because the incident's page renews itself under who types."""
    found, speaker = _spoken_for(request, pk)
    if kind not in VoiceKind.values:
        raise Http404
    what = VoiceKind(kind)
    if what in (VoiceKind.ME_TOO, VoiceKind.FIXED) and found.incident.is_open is not (what is VoiceKind.ME_TOO):
        messages.info(request, _not_now(found.incident.is_open))
        return redirect(_back(pk))
    form = SayForm(request.POST if request.method == "POST" else None, kind=what)
    if form.is_valid():
        try:
            _say(found, speaker, what, **form.cleaned_data)
        except voices.TooMany as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _thanks(what))
            return redirect(_back(pk))
    context = {
        "form": form,
        "kind": what,
        "card": found.card,
        "direct": speaks_directly(speaker),
        "viewer": request.viewer,
        "wordless": what in NO_WORDS,
    }
    template = "customer/_say.html" if by_htmx(request) else "customer/say.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _say(found: Found, speaker: Contact, kind: VoiceKind, *, request_id: Any, words: str = "") -> None:
    services = found.card.services
    service = services[0].service if len(services) == 1 else None
    voices.say(contact=speaker, kind=kind, request_id=request_id, words=words, service=service, incident=found.incident)


def _not_now(is_open: bool) -> str:
    if is_open:
        return _("The incident is open again, so nothing was kept. Tell us below if you see it too.")
    return _("The incident has been resolved in the meantime. Tell us below whether it is fixed for you.")


def _thanks(kind: VoiceKind) -> str:
    return {
        VoiceKind.ME_TOO: _("Thank you. Our team sees that it concerns you, too."),
        VoiceKind.FIXED: _("Thank you. It is good to know that it works again for you."),
        VoiceKind.NOT_FIXED: _("Thank you. Our team looks into it; the answer comes here and by mail."),
        VoiceKind.QUESTION: _("Your question is with our team. The answer comes here and by mail."),
        VoiceKind.SOMETHING_ELSE: _("Thank you. Our team looks into it; the answer comes here and by mail."),
    }[kind]


@read_and_post
def incident_feedback(request: CustomerRequest, pk: int) -> HttpResponseBase:
    """How the incident was told; once for each reader, who may change it."""
    found, speaker = _spoken_for(request, pk)
    given = access.feedback_for(request.viewer).filter(incident=found.incident, contact=speaker).first()
    form = FeedbackForm(request.POST if request.method == "POST" else None, given=given)
    if form.is_valid():
        track = Track(found.card.variant.value)
        feedback.give(incident=found.incident, contact=speaker, track=track, **form.cleaned_data)
        messages.success(request, _("Thank you. We read every one of these, and write better because of them."))
        return redirect(_back(pk, "feedback"))
    template = "customer/_feedback_form.html" if by_htmx(request) else "customer/feedback.html"
    context = {"form": form, "card": found.card, "given": given, "viewer": request.viewer}
    return render(request, template, context, status=422 if form.is_bound else 200)


def _spoken_for(request: CustomerRequest, pk: int) -> tuple[Found, Contact]:
    found = find(request, pk)
    speaker = speaker_of(request.viewer, accounts_of(found))
    if speaker is None:
        raise Http404
    return found, speaker


def accounts_of(found: Found) -> set[int]:
    """Those of the reader's accounts that the incident touches."""
    return {touch.account_id for touch in found.touches}


def _back(pk: int, part: str = "voices") -> str:
    return f"{reverse('incident', args=[pk])}#{part}"
