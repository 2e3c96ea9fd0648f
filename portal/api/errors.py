"""Every answer that is not a success, in one shape: `{"error": {"code", "message", "fields"?}}`."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

logger = logging.getLogger(__name__)

FIELDS_AT_MOST = 20  # named in one answer: a sender needs the kind of his mistake, not each of its copies
NOT_AS_DOCUMENTED = "These fields are not as documented. Nothing was kept; correct them and send it all again."
OUR_FAULT = "This failed on our side; nothing of it was kept. Send it again later."


class TooLarge(exceptions.APIException):
    """More bytes than WEBHOOK_MAX_BYTES."""

    status_code = 413
    default_code = "too_large"


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to any exception of a view. What nobody expected is logged, and says nothing of itself."""
    error = _expected(exc)
    if error is None:
        request: Request = context["request"]
        logger.error("%s %s failed", request.method, request.path, exc_info=exc)
        return Response({"error": {"code": "server_error", "message": OUR_FAULT}}, status=500)
    told: dict[str, Any] = {"code": error.get_codes(), "message": str(error.detail)}
    if isinstance(error, exceptions.ValidationError):
        fields = dict(list(_fields(error.detail))[:FIELDS_AT_MOST])
        told = {"code": "invalid", "message": NOT_AS_DOCUMENTED, "fields": fields}
    challenge = getattr(error, "auth_header", None)
    return Response(
        {"error": told},
        status=error.status_code,
        headers={"WWW-Authenticate": challenge} if challenge else None,
    )


def _expected(exc: Exception) -> exceptions.APIException | None:
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound("There is nothing at this address.")
        case PermissionDenied():
            return exceptions.PermissionDenied()
    return None


def _fields(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """What is wrong by place: `alerts.3.startsAt`."""
    if isinstance(detail, Mapping):
        places = [("" if name == "non_field_errors" else str(name), part) for name, part in detail.items()]
    elif any(isinstance(part, Mapping) for part in detail):
        places = [(str(index), part) for index, part in enumerate(detail)]
    else:
        yield path, [str(part) for part in detail]
        return
    for name, part in places:
        yield from _fields(part, ".".join(filter(None, (path, name))))
