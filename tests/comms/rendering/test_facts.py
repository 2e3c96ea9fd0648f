"""Both tracks take their facts from one place (C6)."""

from datetime import timedelta

import pytest

from comms.choices import IncidentStatus
from comms.rendering.facts import Affected, placeholders
from comms.rendering.marks import CLOSE, OPEN, time_mark
from tests.comms.rendering.situations import FACTS, situation
from tests.factories import utc

NEXT = utc(2026, 11, 21, 11)


def test_placeholders_give_every_fact_in_words():
    assert placeholders(situation(), note="Hello", next_update_at=NEXT) == {
        **{name: value for name, value in FACTS.items() if isinstance(value, str)},
        "reference": "INC-7",
        "title": "Databases are slow",
        "update": "1",
        "status": "investigating",
        "severity": "2 – degradation",
        "services": "Managed Postgres, Web hosting",
        "components": "pg-1 (db-cluster-7, eu-central): major outage\npg-2: degraded\nweb-3 (eu-west): partial outage",
        "detected": time_mark(utc(2026, 11, 21, 8, 30)),
        "resolved": "",
        "duration": "",
        "percent_restored": "0 %",
        "users_affected": "10 to 20 %",
        "figures_refresh": "",
        "expected_resolution": time_mark(utc(2026, 11, 21, 12)),
        "dashboard": "https://grafana.example/d/1",
        "next_update": time_mark(NEXT),
        "note": "Hello",
        "company": "Harbourline Hosting",
        "phone": "+49 40 1234",
    }


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "1 min"), (59 * 60, "59 min"), (3600, "1 h 0 min"), (26 * 3600 + 90, "26 h 2 min")]
)
def test_placeholders_of_a_resolved_incident_say_how_long_it_lasted(seconds, words):
    start = situation().detected_at
    over = situation(status=IncidentStatus.RESOLVED, resolved_at=start + timedelta(seconds=seconds))
    values = placeholders(over, note="", next_update_at=None)
    assert (values["duration"], values["resolved"]) == (words, time_mark(start + timedelta(seconds=seconds)))
    assert values["next_update"] == ""


@pytest.mark.parametrize(
    ("low", "high", "words"), [(None, None, ""), (0, 0, "about 0 %"), (5, 5, "about 5 %"), (0, 100, "0 to 100 %")]
)
def test_placeholders_give_users_affected_as_a_range(low, high, words):
    facts = FACTS | {"users_affected_low": low, "users_affected_high": high}
    assert placeholders(situation(facts=facts), note="", next_update_at=None)["users_affected"] == words


def test_placeholders_hold_no_mark_that_a_person_typed():
    forged = f"{OPEN}link{CLOSE}\r\nBcc: x\x00"
    facts = {name: forged if isinstance(value, str) else value for name, value in FACTS.items()}
    facts["expected_resolution"] = None
    affected = [Affected(forged, forged, forged, forged, situation().affected[0].level)]
    values = placeholders(
        situation(title=forged, company=forged, phone=forged, facts=facts, affected=affected),
        note=forged,
        next_update_at=None,
    )
    times = {"detected"}
    assert [name for name, value in values.items() if OPEN in value or "\r" in value or "\0" in value] == sorted(times)
    assert [values[name] for name in ("title", "services", "company", "phone")] == ["link Bcc: x"] * 4
