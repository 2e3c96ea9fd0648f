"""HTTPS to addresses that strangers gave us: `Outbox(HttpSettings(...), request=..., judge=...).send(items, ...)`."""

from comms.transports.http.addresses import refusal_of
from comms.transports.http.messages import Answer, Refused, Request, by_status
from comms.transports.http.outbox import Outbox
from comms.transports.http.settings import HttpSettings

__all__ = ["Answer", "HttpSettings", "Outbox", "Refused", "Request", "by_status", "refusal_of"]
