from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from customers.models import User


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Sends each file in one piece: under ASGI Django would read a streamed one whole anyway, and warn of it."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(status=found.status)
        del response["Content-Type"]  # a 304 has none
        for name, value in found.headers:
            response[name] = value
        if found.file is not None:
            with found.file:
                response.content = found.file.read()
            response["Content-Length"] = len(response.content)  # it may have changed since its size was read
        return response


def reader_timezone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Times on pages are in the reader's zone and words in his language; signed out in UTC and as his browser asks.

    Colleagues read English: their pages are not translated, and half of a page would be.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = user.timezone if isinstance(user, User) else "UTC"
        translation.activate(_language_of(request, user))
        try:
            timezone.activate(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            timezone.activate(ZoneInfo("UTC"))
        try:
            response = get_response(request)
            if not isinstance(user, User):
                patch_vary_headers(response, ["Accept-Language"])
            return response
        finally:
            timezone.deactivate()
            translation.deactivate()

    return middleware


def _language_of(request: HttpRequest, user: object) -> str:
    """The public page is one static copy in one language, so what belongs to it is not in another."""
    if isinstance(user, User):
        return settings.LANGUAGE_CODE if user.is_staff else user.language or settings.LANGUAGE_CODE
    if request.path.startswith("/status/"):
        return settings.LANGUAGE_CODE
    return translation.get_language_from_request(request)
