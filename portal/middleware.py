from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
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
    """Times on pages are in the reader's zone and words in his language; signed out in UTC and the default one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = user.timezone if isinstance(user, User) else "UTC"
        translation.activate(user.language if isinstance(user, User) and user.language else settings.LANGUAGE_CODE)
        try:
            timezone.activate(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            timezone.activate(ZoneInfo("UTC"))
        try:
            return get_response(request)
        finally:
            timezone.deactivate()
            translation.deactivate()

    return middleware
