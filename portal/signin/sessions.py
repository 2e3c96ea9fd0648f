"""Where a person is signed in, and ending it: the sockets of an ended session close within seconds."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from customers.models import User
from portal import access
from portal.signin import browsers


def _mine(request: HttpRequest) -> QuerySet[UserSession]:
    assert isinstance(request.user, User)  # noqa: S101  each view here asks for it
    return access.sessions_of(request.user)


@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    here = request.session.session_key
    rows: list[dict[str, Any]] = [
        {
            "session": row,
            "browser": browsers.name(row.user_agent),
            "here": row.session_key == here,
        }
        for row in _mine(request)
    ]
    rows.sort(key=lambda row: not row["here"])
    others = sum(not row["here"] for row in rows)
    return render(request, "usersessions/sessions.html", {"rows": rows, "others": others})


@require_POST
@login_required
def end(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_mine(request), pk=pk)
    if row.session_key == request.session.session_key:
        row.delete()
        get_adapter(request).logout(request)
        return redirect("account_login")
    _end([row])
    messages.success(request, gettext("That browser is signed out."))
    return redirect("sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    rows = list(_mine(request).exclude(session_key=request.session.session_key))
    _end(rows)
    words = ngettext("%(n)d other browser is signed out.", "%(n)d other browsers are signed out.", len(rows))
    messages.success(request, words % {"n": len(rows)})
    return redirect("sessions")


def _end(rows: list[UserSession]) -> None:
    Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
