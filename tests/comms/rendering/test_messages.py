"""An update's texts: one set of facts, two tracks (D1, D2, D4)."""

from dataclasses import replace

import pytest

from comms.choices import ImpactLevel, IncidentStatus
from comms.models import Template
from comms.rendering.facts import Affected
from comms.rendering.marks import CLOSE, OPEN, fill_times, split
from comms.rendering.messages import render_update
from tests.comms.rendering.situations import FACTS, situation
from tests.factories import utc

pytestmark = pytest.mark.django_db
NEXT = utc(2026, 11, 21, 11)


def template(stage: str, variant: str) -> Template:
    return Template.objects.get(stage=stage, variant=variant, language="en")


def render(stage="acknowledge", variant="technical", *, note="", next_update_at=NEXT, **changes):
    return render_update(template(stage, variant), situation(**changes), note=note, next_update_at=next_update_at)


def in_berlin(text: str) -> str:
    return fill_times(text, "Europe/Berlin", "en")


def test_technical_text_carries_reference_components_diagnostics_and_next_time():
    shown = render(note="We fail over now.")
    assert in_berlin(shown.subject) == ("[INC-7] investigating: Managed Postgres, Web hosting – next 12:00 CET")
    assert in_berlin(shown.text) == (
        "We are handling an incident that affects components you use. We are sorry, and we own it until it is over.\n\n"
        "We fail over now.\n\n"
        "Reference: INC-7\nStatus: investigating\nSeverity: 2 – degradation\n"
        "Affected services: Managed Postgres, Web hosting\n"
        "Affected components: pg-1 (db-cluster-7, eu-central): major outage\n"
        "  pg-2: degraded\n  web-3 (eu-west): partial outage\n"
        "First detected: Sat 21 Nov, 09:30 CET (08:30 UTC)\nUsers affected: 10 to 20 %\nRestored: 0 %\n"
        "Symptoms: p95 of writes is 4 s\nDiagnostics done: checked replication\nMetrics: iowait 90 %\n"
        "Suspected cause: a failing disk\nStill under investigation: pg-2\nNot known yet: how long it takes\n"
        "Being done: moving to the replica\nWorkaround: use the read replica\n"
        "Expected resolution: Sat 21 Nov, 13:00 CET (12:00 UTC)\nDashboard: https://grafana.example/d/1\n"
        "Next update: Sat 21 Nov, 12:00 CET (11:00 UTC)"
    )
    assert shown.short == "INC-7 investigating: Managed Postgres, Web hosting"


def test_business_text_has_no_word_of_the_technical_one():
    shown = render(variant="business")
    for technical in ("pg-1", "db-cluster-7", "p95", "replication", "iowait", "failing disk", "grafana", "INC-7"):
        assert technical not in shown.subject + shown.text + shown.html
    assert in_berlin(shown.subject) == (
        "Harbourline Hosting Service update: Managed Postgres, Web hosting investigating – next 12:00 CET"
    )
    assert "What you may notice: Pages load slowly." in shown.text
    assert "Next update: Sat 21 Nov, 12:00 CET (11:00 UTC)" in in_berlin(shown.text)


@pytest.mark.parametrize("variant", ["technical", "business"])
def test_resolution_names_no_next_time_and_says_what_is_known_of_cause_and_prevention(variant):
    facts = FACTS | {"root_cause": "a broken disk", "prevention": "a spare disk", "watched": "latency"}
    shown = render(
        "resolved",
        variant,
        next_update_at=None,
        status=IncidentStatus.RESOLVED,
        resolved_at=utc(2026, 11, 21, 10, 0),
        facts=facts,
    )
    assert "next" not in shown.subject
    assert "Next update" not in shown.text
    assert "a spare disk" in shown.text
    assert "1 h 30 min" in shown.text
    assert ("a broken disk" in shown.text) is (variant == "technical")


@pytest.mark.parametrize("services", [1, 3, 12, 60])
@pytest.mark.parametrize("variant", ["technical", "business"])
def test_subject_fits_and_keeps_its_next_time_however_many_services_there_are(variant, services):
    affected = [
        Affected(f"Managed service with a long name {n}", f"c{n}", "", "", ImpactLevel.MAJOR) for n in range(services)
    ]
    shown = render(variant=variant, affected=affected)
    assert len(shown.subject) <= 200
    assert len(shown.short) <= 200
    assert split(shown.subject)[1::2] == ["clock:2026-11-21T11:00:00+00:00"]
    assert in_berlin(shown.subject).endswith("– next 12:00 CET")
    assert "Managed service with a long name 0" in shown.subject
    if services > 3:
        assert " more" in shown.subject
    assert f"Managed service with a long name {services - 1}" in shown.text  # the text names them all


def test_a_long_title_in_a_subject_is_cut_and_leaves_no_half_mark():
    acknowledge = template("acknowledge", "technical")
    acknowledge.subject = "{reference} {title} {title} {next_update}"
    shown = render_update(acknowledge, replace(situation(), title="x" * 160), note="", next_update_at=NEXT)
    assert len(shown.subject) <= 200
    assert shown.subject.count(OPEN) == shown.subject.count(CLOSE)


def test_a_mark_in_a_template_is_none():
    acknowledge = template("acknowledge", "technical")
    acknowledge.subject = f"{OPEN}link{CLOSE} {{reference}}"
    acknowledge.body = f"{OPEN}name{CLOSE} {{note}}"
    shown = render_update(acknowledge, situation(), note="n", next_update_at=NEXT)
    assert (shown.subject, shown.text, shown.html) == ("link INC-7", "name n", "<p>name n</p>")


def test_every_field_that_people_fill_is_escaped_in_html():
    evil = '<img src=x onerror="alert(1)">'
    facts = {name: evil if isinstance(value, str) else value for name, value in FACTS.items()}
    facts["expected_resolution"] = None
    affected = [Affected(evil, evil, evil, evil, ImpactLevel.MAJOR)]
    for variant in ("technical", "business"):
        shown = render(variant=variant, note=evil, facts=facts, affected=affected, title=evil, company=evil)
        assert "<img" not in shown.html
        assert "&lt;img" in shown.html
