"""Signing in by a company's own OpenID Connect provider: for that company's people, and for nobody else (F1, K1).

What binds a provider to accounts is in its settings: `{"server_url": ..., "accounts": ["AC-1001"], "domains": [...]}`.
"""

from functools import partial
from typing import Any

import requests
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render
from requests.adapters import HTTPAdapter

from comms.transports.http import HttpSettings
from comms.transports.http.addresses import Guard, Target
from comms.transports.http.messages import Refused, Unreachable
from customers.actions import logins

log = structlog.get_logger(__name__)
SECONDS = 10


class NotProven(Exception):
    """The provider does not say, or may not say, that the address is this person's."""


class CompanySignIn(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """By its own number only: any other name would tell which companies are customers."""
        apps = super().list_apps(request, provider=provider, client_id=client_id)
        return [app for app in apps if provider in (None, app.provider_id)]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Every time, not only the first: a contact may have left, or the provider may have been bound elsewhere."""
        app = sociallogin.provider.app
        try:
            if sociallogin.state.get("process") != AuthProcess.LOGIN:
                raise NotProven("asked for something else than signing in")
            email = proven_address(app, sociallogin.account.extra_data)
            user = logins.login_by_company(external_ids=app.settings.get("accounts", []), email=email)
            if sociallogin.is_existing and sociallogin.user != user:
                raise NotProven("the provider's number of this person belongs to another login")
        except (NotProven, logins.NotLetIn) as reason:
            log.warning("a company's sign-in was refused", provider=app.provider_id, reason=str(reason))
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", status=403)) from reason
        if not sociallogin.is_existing:
            sociallogin.connect(request, user)

    def get_requests_session(self) -> requests.Session:
        """Whatever address the provider names, it is asked only where a webhook would be posted to, too."""
        session = requests.Session()
        session.mount("https://", Vetted())
        session.mount("http://", Vetted())
        session.request = partial(session.request, timeout=SECONDS)  # type: ignore[method-assign]
        return session


def proven_address(app: SocialApp, told: dict[str, Any]) -> str:
    """The address that the provider vouches for, in lower case.

    With `domains` in the app's settings it vouches for addresses of these only, and need not say so with each one, as
    some never do; without them it must say `email_verified`.

    Raises:
        NotProven: it does not.
    """
    token, userinfo = told.get("id_token"), told.get("userinfo") or {}
    if not token or (userinfo and userinfo.get("sub") != token.get("sub")):
        raise NotProven("no token about the one whose details it gives")
    claims = userinfo or token
    email = str(claims.get("email") or "").lower()
    domains = [domain.lower() for domain in app.settings.get("domains", [])]
    if domains and email.rpartition("@")[2] not in domains:
        raise NotProven("an address of a domain that it does not vouch for")
    verified = claims.get("email_verified")
    said = verified is True or verified == "true"
    if not email or not (said or (domains and verified is None)):
        raise NotProven("an address that it has not verified")
    return email


class Vetted(HTTPAdapter):
    """Refuses addresses that are not public, unless the operator has allowed them (HTTP_ALLOWED_TARGETS)."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        guard = Guard(HttpSettings(allowed=frozenset(settings.HTTP_ALLOWED_TARGETS)))
        try:
            guard.addresses(Target.parse(request.url or ""), SECONDS)
        except (Refused, Unreachable) as refusal:
            raise requests.exceptions.InvalidURL(str(refusal)) from refusal
        return super().send(request, *args, **kwargs)
