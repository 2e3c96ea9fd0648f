"""Tickets of any helpdesk that can sign what it sends: they become signals of the requester's track (B1)."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from comms.rendering.marks import clean, clean_line
from customers import clock
from customers.actions.signals import record_ticket
from portal.api.authentication import SignatureAuthentication
from portal.api.base import ApiView
from portal.api.parsing import Rfc3339Field

AHEAD_AT_MOST = timedelta(hours=1)


class Line(serializers.CharField):
    """A text in one line; one of control characters alone is blank."""

    def run_validation(self, data: object = serializers.empty) -> str | None:
        value: str | None = super().run_validation(clean_line(data) if isinstance(data, str) else data)
        return value


class RequesterSerializer(serializers.Serializer[Any]):
    """Who asked. Whoever fits no contact is kept and waits for a person, so the form is not judged."""

    email = Line(max_length=254)
    name = serializers.CharField(required=False, allow_blank=True, allow_null=True)


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket as its helpdesk tells it; unknown fields are left aside."""

    id = Line(max_length=120)
    requester = RequesterSerializer()
    subject = Line(allow_blank=True)
    body = serializers.CharField(required=False, allow_blank=True, allow_null=True, trim_whitespace=False)
    created_at = Rfc3339Field(ahead=AHEAD_AT_MOST)


class TicketView(ApiView):
    """Keeps a ticket once, whatever is repeated. What it tells of the requester's track is not answered."""

    authentication_classes = (SignatureAuthentication,)
    permission_classes = ()  # whoever signs as a sender may send its tickets, and nothing else

    def post(self, request: Request, sender: str) -> Response:
        now = clock.now()
        shape = TicketSerializer(data=request.data, context={"now": now})
        shape.is_valid(raise_exception=True)
        told = shape.validated_data
        ticket, new = record_ticket(
            source=sender,
            external_id=told["id"],
            requester=told["requester"]["email"],
            subject=told["subject"],
            body=clean(told.get("body") or ""),
            opened_at=told["created_at"] or now,
        )
        return Response(
            {"ticket": ticket.external_id, "new": new, "matched": ticket.contact_id is not None},
            status=201 if new else 200,
        )
