"""The page that the link in an invitation opens: looking at it does nothing, and it counts once."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from customers.actions import invitations
from customers.models import Invitation, User
from portal.access import CHOSEN
from portal.signin.forms import AcceptForm


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    try:
        found = invitations.opened(token)
        owner = invitations.login_of(found)
        if isinstance(request.user, User):
            return _as_signed_in(request, request.user, token, found, owner)
        if owner is not None:
            return _page(request, found, "sign_in", token=token)
        return _new_login(request, token, found)
    except (invitations.LinkVoid, IntegrityError):  # two who come at once
        return render(request, "account/invitation_void.html", status=404)


def _as_signed_in(
    request: HttpRequest, user: User, token: str, found: list[Invitation], owner: User | None
) -> HttpResponseBase:
    if user.is_staff or owner not in (None, user):
        return _page(request, found, "other_login", token=token)
    if request.method != "POST":
        return _page(request, found, "join", token=token)
    invitations.accept_with(token, user=user)
    request.session.pop(CHOSEN, None)  # else what he has just been given would not be seen
    messages.success(request, gettext("You now also see what concerns %(accounts)s.") % {"accounts": _accounts(found)})
    return redirect("home")


def _new_login(request: HttpRequest, token: str, found: list[Invitation]) -> HttpResponseBase:
    email = found[0].email
    form = AcceptForm(request.POST or None, email=email, initial={"name": found[0].contact.name})
    if not form.is_valid():
        return _page(request, found, "new_login", token=token, form=form)
    user = invitations.accept_with_new_login(token, **form.cleaned_data)
    return _signed_in(request, user)


def _signed_in(request: HttpRequest, user: User) -> HttpResponseBase:
    """In a session of his own: what an earlier visitor left in this one does not count."""
    session: SessionBase = request.session
    session.flush()
    answer: HttpResponseBase = perform_login(request, user, redirect_url="/")
    return answer


def _page(request: HttpRequest, found: list[Invitation], way: str, **context: object) -> HttpResponse:
    context |= {"way": way, "accounts": _accounts(found), "email": found[0].email, "here": request.get_full_path()}
    return render(request, "account/invitation.html", context)


def _accounts(found: list[Invitation]) -> str:
    names = sorted({row.contact.account.name for row in found})
    return (
        names[0]
        if len(names) == 1
        else gettext("%(first)s and %(last)s")
        % {
            "first": ", ".join(names[:-1]),
            "last": names[-1],
        }
    )
