"""A situation with every fact, for rendering it."""

from typing import Any

from comms.choices import ImpactLevel, IncidentStatus
from comms.rendering.facts import Affected, Situation
from customers.choices import Severity
from tests.factories import utc

FACTS: dict[str, Any] = {
    "customer_experience": "Pages load slowly.",
    "symptoms": "p95 of writes is 4 s",
    "diagnostics": "checked replication",
    "metrics": "iowait 90 %",
    "suspected_cause": "a failing disk",
    "under_investigation": "pg-2",
    "not_known": "how long it takes",
    "being_done": "moving to the replica",
    "workaround": "use the read replica",
    "customer_action": "",
    "backup_option": "",
    "percent_restored": 0,
    "users_affected_low": 10,
    "users_affected_high": 20,
    "figures_refresh_at": None,
    "expected_resolution": "2026-11-21T12:00:00+00:00",
    "next_milestone": "",
    "root_cause": "",
    "prevention": "",
    "watched": "",
    "dashboard_url": "https://grafana.example/d/1",
}


def situation(**changes: Any) -> Situation:
    values = {
        "reference": "INC-7",
        "title": "Databases are slow",
        "number": 1,
        "status": IncidentStatus.INVESTIGATING,
        "severity": Severity.TWO,
        "detected_at": utc(2026, 11, 21, 8, 30),
        "resolved_at": None,
        "affected": [
            Affected("Managed Postgres", "pg-1", "db-cluster-7", "eu-central", ImpactLevel.MAJOR),
            Affected("Managed Postgres", "pg-2", "", "", ImpactLevel.DEGRADED),
            Affected("Web hosting", "web-3", "", "eu-west", ImpactLevel.PARTIAL),
        ],
        "facts": FACTS,
        "company": "Harbourline Hosting",
        "phone": "+49 40 1234",
    }
    return Situation(**values | changes)
