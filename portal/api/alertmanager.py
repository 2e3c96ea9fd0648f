"""Prometheus Alertmanager, webhook version 4: a group of alerts opens a draft or is noted on the open one."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from comms.actions.incidents import AlertSeen, receive_alerts
from comms.choices import IncidentSource
from comms.models import Incident
from comms.rendering.marks import clean_line
from customers import clock
from customers.choices import Severity
from customers.models import Component
from portal.api.base import ApiView
from portal.api.parsing import Rfc3339Field

FIRING, RESOLVED = "firing", "resolved"
AHEAD_AT_MOST = timedelta(hours=1)  # a clock that is off by minutes must not cost us an alert
KEY_MAX = Incident._meta.get_field("source_key").max_length or 0
SEVERITY_WORDS = {
    "critical": Severity.FOUR,
    "error": Severity.THREE,
    "major": Severity.THREE,
    "warning": Severity.TWO,
    "info": Severity.ONE,
}
SEVERITY_DIGITS = {str(severity.value): severity for severity in Severity}


class Labels(serializers.DictField):
    """Names and texts; a number is taken as its text."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False)


class AlertSerializer(serializers.Serializer[Any]):
    """One alert of a group. `endsAt` counts only when it is resolved; unknown fields are left aside."""

    status = serializers.ChoiceField([FIRING, RESOLVED])
    labels = Labels()
    annotations = Labels(required=False, allow_null=True)
    startsAt = Rfc3339Field(ahead=AHEAD_AT_MOST, zero=False)
    endsAt = Rfc3339Field(required=False, allow_null=True)
    fingerprint = serializers.CharField(required=False, allow_blank=True, max_length=120)


class GroupSerializer(serializers.Serializer[Any]):
    """What Alertmanager sends, as far as it is used here."""

    version = serializers.ChoiceField(
        ["4"],
        error_messages={"invalid_choice": 'Only version "4" of the Alertmanager webhook is understood.'},
    )
    groupKey = serializers.CharField(trim_whitespace=False)
    groupLabels = Labels(required=False, allow_null=True)
    commonAnnotations = Labels(required=False, allow_null=True)
    alerts = AlertSerializer(many=True, allow_empty=False)


class AlertmanagerView(ApiView):
    """Takes a group of alerts (C2c). It opens drafts only and never closes an incident."""

    scope = "alerts:write"

    def post(self, request: Request) -> Response:
        now = clock.now()
        shape = GroupSerializer(data=request.data, context={"now": now})
        shape.is_valid(raise_exception=True)
        group = shape.validated_data
        firing = [alert for alert in group["alerts"] if alert["status"] == FIRING]
        component_ids, unknown = components_of(group["alerts"], firing)
        incident, opened = receive_alerts(
            source=IncidentSource.ALERTMANAGER,
            source_key=source_key_of(group["groupKey"]),
            title=title_of(group),
            severity=max(map(severity_of, firing), default=Severity.THREE),
            component_ids=component_ids,
            alerts=[seen(alert, now) for alert in group["alerts"]],
        )
        told = {
            "incident": incident.reference if incident else None,
            "opened": opened,
            "unknown_components": unknown,
        }
        return Response(told, status=202)


def source_key_of(group_key: str) -> str:
    """The key of a group, or its SHA-256 where it is longer than the incident can keep."""
    if len(group_key) <= KEY_MAX:
        return group_key
    return f"sha256:{hashlib.sha256(group_key.encode()).hexdigest()}"


def severity_of(alert: dict[str, Any]) -> Severity:
    """The provisional severity of an alert (C2c): `incident_severity` 1-5, else its `severity`, else 3."""
    exact, word = (alert["labels"].get(name, "").strip().lower() for name in ("incident_severity", "severity"))
    for found in (SEVERITY_DIGITS.get(exact), SEVERITY_WORDS.get(word), SEVERITY_DIGITS.get(word)):
        if found is not None:
            return found
    return Severity.THREE


def title_of(group: dict[str, Any]) -> str:
    """What the group says in common, else the names of its alerts and the labels that group them."""
    summary = clean_line((group.get("commonAnnotations") or {}).get("summary", ""))
    if summary:
        return summary
    names = sorted({clean_line(alert["labels"].get("alertname", "")) for alert in group["alerts"]} - {""})
    labels = group.get("groupLabels") or {}
    where = ", ".join(f"{name}={value}" for name, value in labels.items() if name != "alertname")
    return clean_line(f"{', '.join(names) or 'Alert without a name'}{f' ({where})' if where else ''}")


def seen(alert: dict[str, Any], now: datetime) -> AlertSeen:
    """An alert as the incident keeps it. Resolved without an end, or with a future one, it ended on arrival."""
    ended = min(alert.get("endsAt") or now, now)
    return AlertSeen(
        fingerprint=alert.get("fingerprint") or _fingerprint(alert["labels"]),
        summary=_summary_of(alert),
        started_at=alert["startsAt"],
        resolved_at=ended if alert["status"] == RESOLVED else None,
    )


def components_of(alerts: Iterable[dict[str, Any]], firing: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Ids of the components that firing alerts name, or whose cluster they name; and the names that fit none."""
    ids, clusters = _named(alerts, "component"), _named(alerts, "cluster")
    known = list(
        Component.objects.filter(Q(external_id__in=ids) | Q(cluster__in=clusters)).values_list("external_id", "cluster")
    )
    firing_ids, firing_clusters = _named(firing, "component"), _named(firing, "cluster")
    affected = sorted(
        external_id for external_id, cluster in known if external_id in firing_ids or cluster in firing_clusters
    )
    unknown = (ids - {external_id for external_id, _ in known}) | (clusters - {cluster for _, cluster in known})
    return affected, sorted(unknown)


def _named(alerts: Iterable[dict[str, Any]], label: str) -> set[str]:
    """An empty label names nothing: it must not match every component without a cluster."""
    return {alert["labels"].get(label, "").strip() for alert in alerts} - {""}


def _summary_of(alert: dict[str, Any]) -> str:
    """The alert in one line, with its instance: a group often has one summary for all of its alerts."""
    labels = alert["labels"]
    summary = clean_line((alert.get("annotations") or {}).get("summary", ""))
    told = summary or clean_line(labels.get("alertname", "")) or "Alert without a name"
    instance = clean_line(labels.get("instance", ""))
    return told if not instance or instance in told else f"{told} ({instance})"


def _fingerprint(labels: dict[str, str]) -> str:
    """What identifies an alert is its labels; senders before Alertmanager 0.19 give no hash of them."""
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
