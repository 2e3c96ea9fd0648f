from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.api.parsing import MALFORMED, raw_body


class ApiView(APIView):
    """A door for machines: POST of a JSON object, or what `body` says, answered in JSON and in English."""

    http_method_names = ["post"]
    body = "a JSON object"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override("en"):  # a machine's Accept-Language must not change what its owner greps for
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who it is and what he may, then the bounds of the body; what is in the body comes last."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and not raw_body(request).strip():
            raise ParseError(f"The body is empty; send {self.body}.", MALFORMED)


class NothingHere(APIView):
    """Every other address below /api/v1/."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address. Addresses of this API end with a slash.")
