"""One answer to several customers: whom it reaches is shown before it leaves (F4)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from comms.actions import voices
from comms.choices import VoiceKind
from comms.models import Voice
from portal.access import StaffRequest, staff_view
from portal.room.voices import SHOWN

MOST_AT_ONCE = 10_000


class AnswerForm(forms.Form):
    words = forms.CharField(
        label=gettext_lazy("The answer"),
        help_text=gettext_lazy("In plain words; your name stands under it."),
        max_length=voices.WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 6, "autofocus": True}),
    )


@require_http_methods(["GET", "POST"])
@staff_view("comms.add_answer")
def answer(request: StaffRequest) -> HttpResponse:
    """GET: `voice` for each that was chosen, or `all` of an `incident` or `service`. POST sends.

    `upto`: the newest that the author was shown; what is said while he writes is not answered by it.
    """
    posts = request.method == "POST"
    asked = request.POST if posts else request.GET
    found = _chosen(asked)
    waiting = found.filter(answer=None)
    if posts and not waiting.exists():  # the same click again, or a colleague was faster: the action knows
        waiting = found
    named = waiting.select_related("contact__account", "service", "incident")
    chosen = list(named.order_by("-said_at", "-pk")[:MOST_AT_ONCE])
    if not chosen:
        messages.warning(request, _("Nothing was chosen, or all of it has been answered. Nothing was sent."))
        return redirect(_back(asked))
    form = AnswerForm(request.POST if posts else None)
    if not form.is_valid():
        return _page(request, form, chosen, asked, status=422 if form.is_bound else 200)
    ids = [voice.pk for voice in chosen]
    try:
        voices.answer(voice_ids=ids, words=form.cleaned_data["words"], author=request.user)
    except voices.CannotAnswer as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, chosen, asked, status=409)
    messages.success(request, _sent(voices.reach_of(ids).mails))
    return redirect(_back(asked))


def _sent(mails: int) -> str:
    return ngettext(
        "Answered. %(n)d mail leaves now; the answer is in the portal.",
        "Answered. %(n)d mails leave now; the answer is in the portal.",
        mails,
    ) % {"n": mails}


def _page(
    request: StaffRequest, form: AnswerForm, chosen: list[Voice], asked: QueryDict, *, status: int
) -> HttpResponse:
    ids, every = [voice.pk for voice in chosen], bool(asked.get("all"))
    upto = _number(asked.get("upto", "")) or max(ids)
    context: dict[str, Any] = {
        "part": "voices",
        "form": form,
        "chosen": chosen[:SHOWN],
        "ids": [] if every else ids,  # a form takes a thousand fields at most
        "n": len(chosen),
        "reach": voices.reach_of(ids),
        "incident": chosen[0].incident,
        "mixed": len({voice.incident_id for voice in chosen}) > 1,
        "back": _back(asked),
        "again": {name: asked.get(name, "") for name in ("incident", "service", "all")} | {"upto": str(upto)},
    }
    return render(request, "room/voices_answer.html", context, status=status)


def _chosen(asked: QueryDict) -> QuerySet[Voice]:
    """Those that were ticked; with `all` those of an incident, or of a service without one, that want an answer."""
    if not asked.get("all"):
        numbers = [number for number in map(_number, asked.getlist("voice")) if number is not None]
        return Voice.objects.filter(pk__in=numbers)
    incident, service = _number(asked.get("incident", "")), _number(asked.get("service", ""))
    upto = _number(asked.get("upto", ""))
    every = Voice.objects.exclude(kind=VoiceKind.FIXED)
    if upto is not None:
        every = every.filter(pk__lte=upto)
    if incident is not None:
        return every.filter(incident=incident)
    return every.filter(incident=None, service=service) if service is not None else every.none()


def _number(text: str) -> int | None:
    """A key as an address may carry it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _back(asked: Mapping[str, Any]) -> str:
    """To the room that he came from, else to the desk."""
    incident = _number(asked.get("incident", ""))
    return f"{reverse('room_incident', args=[incident])}#voices" if incident is not None else reverse("room_voices")
