"""The second factor of colleagues: what stands between them and every staff page (RELIABILITY, "Further bounds")."""

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from customers.models import User

SECOND = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def way_to_it(request: HttpRequest) -> str | None:
    """Where a colleague goes before a staff page opens; None if this session has used his second factor.

    Who has none sets one up. Who has one and has not used it in this session confirms with it: a session that was
    opened before, by whomever, is none that a second factor has opened.
    """
    if not settings.STAFF_SECOND_FACTOR:
        return None
    assert isinstance(request.user, User)  # noqa: S101  staff pages ask for a signed-in colleague first
    types = set(Authenticator.objects.filter(user=request.user, type__in=SECOND).values_list("type", flat=True))
    if not types:
        return f"{reverse('mfa_index')}?wanted=1"
    if any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user)):
        return None
    page = "mfa_reauthenticate" if Authenticator.Type.TOTP in types else "mfa_reauthenticate_webauthn"
    return f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}"
