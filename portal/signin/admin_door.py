"""The admin's door: the one page to sign in, its limits, and the second factor."""

from functools import wraps

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from customers.models import User
from portal import factor


def fit(site: AdminSite) -> None:
    """Every page of the site asks it; whoever lacks only the second factor is sent to it."""
    may, door = site.has_permission, secure_admin_login(site.login)

    @wraps(site.has_permission)
    def has_permission(request: HttpRequest) -> bool:
        return may(request) and factor.way_to_it(request) is None

    @wraps(site.login)
    def login(request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        if isinstance(request.user, User) and may(request) and (way := factor.way_to_it(request)) is not None:
            return redirect(way)
        answer: HttpResponse = door(request, extra_context)
        return answer

    site.has_permission = has_permission  # type: ignore[method-assign]
    site.login = login  # type: ignore[method-assign]
