"""Mails that came back, posted by a mail server that cannot run a command of ours: the raw mail is the body."""

from collections.abc import Mapping
from typing import IO, Any, cast

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from comms.actions.deliveries.reports import StillLeaving, take_mail
from comms.policies.bounces import AutoReply, NotAReport
from comms.rendering.verp import Forged
from portal.api.base import ApiView


class MailParser(BaseParser):
    """Bytes as they came; ApiView has bounded them."""

    media_type = "message/rfc822"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        return {"mail": stream.read()}


class ComeAgain(APIException):
    """Nothing was kept, and nothing is wrong with what was sent."""

    status_code = 503
    default_code = "come_again"
    default_detail = "This mail is still being sent. Nothing was kept; report it again in two minutes."


class BouncesView(ApiView):
    """Takes one mail: a bounce or a complaint. `?recipient=` names the address that it was sent to."""

    scope = "bounces:write"
    body = "the mail as it came"
    parser_classes = (MailParser,)

    def post(self, request: Request) -> Response:
        posted = cast(dict[str, bytes], request.data)  # as MailParser has it
        try:
            taken = take_mail(posted["mail"], recipient=request.query_params.get("recipient", ""))
        except AutoReply as reply:
            return Response({"report": None, "message": str(reply)})
        except NotAReport as refusal:
            raise ParseError(f"{refusal} Nothing was kept.", "not_a_report") from refusal
        except Forged as refusal:
            raise ParseError(f"{refusal} Nothing was kept, and no address was suppressed.", "forged") from refusal
        except StillLeaving as early:
            raise ComeAgain from early
        answer = {"report": taken.kind.value, "matched": taken.matched, "new": taken.new}
        return Response(answer, status=201 if taken.new else 200)
