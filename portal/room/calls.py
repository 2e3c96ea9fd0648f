"""The call desk: affected accounts that cannot be reached in writing, the most valuable first (E8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Case, Prefetch, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from comms.actions import calls
from comms.choices import CallResult, Variant
from comms.models import CallTask, Incident, Message
from customers.choices import Language
from customers.models import Contact
from portal.access import StaffRequest, staff_view

OPEN_SHOWN = 200
AGAIN_SHOWN = 50
UNREACHED = (CallResult.VOICEMAIL, CallResult.NOT_REACHED)


class CallForm(forms.Form):
    """What came of a call."""

    result = forms.TypedChoiceField(
        label=_("Result"), choices=CallResult.choices, coerce=CallResult, widget=forms.RadioSelect
    )
    note = forms.CharField(label=_("What was said"), max_length=300, required=False)


@dataclass(frozen=True)
class Call:
    task: CallTask
    form: CallForm


@dataclass(frozen=True)
class Group:
    """The calls of one incident, and what to say: its last text in everyday words."""

    incident: Incident
    words: Message | None
    calls: list[Call]


@require_GET
@staff_view("comms.make_call")
def desk(request: StaffRequest) -> HttpResponse:
    return _page(request)


@require_http_methods(["GET", "POST"])
@staff_view("comms.make_call")
def note_result(request: StaffRequest, pk: int) -> HttpResponse:
    """Who called is who posts this; a later result replaces an earlier one."""
    task = get_object_or_404(CallTask.objects.select_related("account"), pk=pk)
    if request.method == "GET":  # the address of a page that was refused, loaded again
        return redirect("room_calls")
    form = _form(task, request.POST)
    if not form.is_valid():
        return _page(request, {task.pk: form})
    calls.note_result(call_id=task.pk, actor=request.user, **form.cleaned_data)
    messages.success(request, f"Noted: {task.account}, {form.cleaned_data['result'].label}.")
    return redirect("room_calls")


def _page(request: StaffRequest, bound: dict[int, CallForm] | None = None) -> HttpResponse:
    """`bound`: forms that were refused, by the task they are of."""
    named = CallTask.objects.select_related("incident", "account__owner", "account__sponsor", "called_by")
    named = named.prefetch_related(Prefetch("account__contacts", Contact.objects.exclude(phone=""), to_attr="phoned"))
    valued = named.order_by("-incident__severity", "-incident_id", "-account__contract_value", "pk")
    waiting = list(valued.filter(result="")[: OPEN_SHOWN + 1])
    again = list(valued.filter(result__in=UNREACHED).exclude(incident__status="resolved")[:AGAIN_SHOWN])
    said = _said({task.incident_id for task in [*waiting, *again]})
    forms_of = bound or {}
    context: dict[str, Any] = {
        "part": "calls",
        "groups": _groups(waiting[:OPEN_SHOWN], said, forms_of),
        "again": _groups(again, said, forms_of),
        "open": len(waiting[:OPEN_SHOWN]),
        "more": len(waiting) > OPEN_SHOWN,
        "refused": bool(bound),
    }
    return render(request, "room/calls.html", context, status=422 if bound else 200)


def _groups(tasks: Sequence[CallTask], said: dict[int, Message], bound: dict[int, CallForm]) -> list[Group]:
    groups: dict[int, Group] = {}
    for task in tasks:
        group = groups.setdefault(task.incident_id, Group(task.incident, said.get(task.incident_id), []))
        group.calls.append(Call(task, bound.get(task.pk) or _form(task)))
    return list(groups.values())


def _form(task: CallTask, posted: Any = None) -> CallForm:
    return CallForm(posted, auto_id=f"call-{task.pk}-%s")


def _said(incidents: Iterable[int]) -> dict[int, Message]:
    """Per incident its last business text, in English where there is one."""
    english = Case(When(language=Language.ENGLISH, then=Value(0)), default=Value(1))
    texts = Message.objects.filter(incident__in=list(incidents), update__isnull=False, variant=Variant.BUSINESS)
    last = texts.order_by("incident_id", "-sequence", english).distinct("incident_id")
    return {message.incident_id: message for message in last if message.incident_id is not None}
