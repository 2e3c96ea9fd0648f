"""What a monitoring system and a helpdesk send, as they send it."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client

ALERTS = "/api/v1/alerts/alertmanager/"
TICKETS = "/api/v1/tickets/zendesk/"
SECRET = b"a secret of thirty-two bytes, or so"
GROUPS = Path(__file__).parents[2] / "data" / "alertmanager"


def group(status: str = "firing") -> dict[str, Any]:
    """A group of three alerts of one cluster, as Alertmanager 0.27 sends it."""
    return json.loads((GROUPS / f"{status}.json").read_text())


def alert(**fields: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "DiskFull"},
        "annotations": {},
        "startsAt": "2024-04-14T08:41:07Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "016b4ae7a3494d0d",
    } | fields


def group_of(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "status": "firing",
        "receiver": "desk",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "truncatedAlerts": 0,
        "alerts": list(alerts) or [alert()],
    } | fields


def post_group(key: str, body: Any, **options: Any) -> HttpResponse:
    """`body`: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}"} | options.pop("headers", {})
    return Client().post(ALERTS, raw, **{"content_type": "application/json", "headers": headers} | options)


def ticket(**fields: Any) -> dict[str, Any]:
    return {
        "id": "4711",
        "requester": {"email": "ops@customer.example", "name": "Olga Ops"},
        "subject": "psql: FATAL: too many connections",
        "body": "Since 08:40 our pool logs:\n\n2024-04-14 08:40:11 ERROR could not connect to 10.2.3.4:5432",
        "created_at": "2024-04-14T08:52:11Z",
    } | fields


def signature(body: bytes, *, message_id: str, timestamp: str, key: bytes = SECRET) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(body: bytes, *, age: float = 0, message_id: str = "msg_1", key: bytes = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time() - age))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(body, message_id=message_id, timestamp=timestamp, key=key),
    }


def post_ticket(body: Any, *, address: str = TICKETS, **options: Any) -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = signed_headers(raw) | options.pop("headers", {})
    return Client().post(address, raw, **{"content_type": "application/json", "headers": headers} | options)


def error(code: str, message: str, **fields: list[str]) -> dict[str, Any]:
    """A whole answer that is not a success; `alerts__0__startsAt` stands for `alerts.0.startsAt`."""
    told: dict[str, Any] = {"code": code, "message": message}
    if fields:
        told["fields"] = {name.replace("__", "."): messages for name, messages in fields.items()}
    return {"error": told}
