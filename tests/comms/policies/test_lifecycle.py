"""C2d, C5, C11: what may follow what, and who must hear of it."""

from datetime import UTC, datetime

import pytest

from comms.choices import IncidentStatus as S
from comms.choices import Stage
from comms.policies.lifecycle import (
    TRANSITIONS,
    IllegalTransition,
    changes_for_everybody,
    check_transition,
    choices_from,
    stage_of,
)

LEGAL = {
    (S.DRAFT, S.INVESTIGATING),
    (S.DRAFT, S.IDENTIFIED),
    (S.DRAFT, S.MONITORING),
    (S.DRAFT, S.RESOLVED),
    (S.INVESTIGATING, S.INVESTIGATING),
    (S.INVESTIGATING, S.IDENTIFIED),
    (S.INVESTIGATING, S.MONITORING),
    (S.INVESTIGATING, S.RESOLVED),
    (S.IDENTIFIED, S.IDENTIFIED),
    (S.IDENTIFIED, S.MONITORING),
    (S.IDENTIFIED, S.RESOLVED),
    (S.MONITORING, S.MONITORING),
    (S.MONITORING, S.IDENTIFIED),
    (S.MONITORING, S.RESOLVED),
    (S.RESOLVED, S.RESOLVED),
}


def is_legal(current: S, target: S, *, reopening: bool = False) -> bool:
    try:
        check_transition(current, target, reopening=reopening)
    except IllegalTransition:
        return False
    return True


def test_every_status_has_its_row():
    assert set(TRANSITIONS) == set(S)


def test_check_transition_knows_exactly_the_legal_pairs():
    assert {(a, b) for a in S for b in S if is_legal(a, b)} == LEGAL


def test_check_transition_by_a_person_reopening_adds_exactly_one_pair():
    reopened = {(a, b) for a in S for b in S if is_legal(a, b, reopening=True)}

    assert reopened - LEGAL == {(S.RESOLVED, S.INVESTIGATING)}
    assert reopened >= LEGAL


@pytest.mark.parametrize("reopening", [False, True])
def test_choices_from_offers_what_check_transition_accepts(reopening):
    for current in S:
        accepted = tuple(target for target in S if is_legal(current, target, reopening=reopening))
        assert choices_from(current, reopening=reopening) == accepted


def test_choices_from_a_draft_do_not_contain_the_draft():
    assert choices_from(S.DRAFT) == (S.INVESTIGATING, S.IDENTIFIED, S.MONITORING, S.RESOLVED)


def test_illegal_transition_says_what_to_do_instead():
    with pytest.raises(IllegalTransition) as refused:
        check_transition(S.IDENTIFIED, S.INVESTIGATING)

    assert str(refused.value) == (
        "An incident that is identified cannot go to investigating. It can go to: identified, monitoring, resolved."
    )
    assert (refused.value.current, refused.value.target) == (S.IDENTIFIED, S.INVESTIGATING)


def test_illegal_transition_from_resolved_does_not_offer_reopening():
    with pytest.raises(IllegalTransition, match=r"resolved cannot go to monitoring\. It can go to: resolved\.$"):
        check_transition(S.RESOLVED, S.MONITORING)


@pytest.mark.parametrize(
    ("target", "first", "stage"),
    [
        (S.INVESTIGATING, True, Stage.ACKNOWLEDGE),
        (S.IDENTIFIED, True, Stage.ACKNOWLEDGE),
        (S.MONITORING, True, Stage.ACKNOWLEDGE),
        (S.RESOLVED, True, Stage.RESOLVED),
        (S.INVESTIGATING, False, Stage.PROGRESS),
        (S.IDENTIFIED, False, Stage.PROGRESS),
        (S.MONITORING, False, Stage.PROGRESS),
        (S.RESOLVED, False, Stage.RESOLVED),
    ],
)
def test_stage_of(target, first, stage):
    assert stage_of(target, first=first) is stage


@pytest.mark.parametrize("first", [False, True])
def test_stage_of_a_draft_is_refused(first):
    with pytest.raises(ValueError, match="cannot leave the incident a draft"):
        stage_of(S.DRAFT, first=first)


FACTS = {
    "status": S.IDENTIFIED,
    "workaround": "Use the second name server.",
    "customer_action": "",
    "expected_resolution": datetime(2026, 3, 29, 4, tzinfo=UTC),
    "symptoms": "Slow pages",
}


def test_changes_for_everybody_is_empty_when_only_other_facts_change():
    assert changes_for_everybody(FACTS, {**FACTS, "symptoms": "Pages fail", "percent": 40}) == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", S.MONITORING),
        ("workaround", None),
        ("customer_action", "Restart your application."),
        ("expected_resolution", datetime(2026, 3, 29, 4, 1, tzinfo=UTC)),
    ],
)
def test_changes_for_everybody_names_the_changed_fact(name, value):
    assert changes_for_everybody(FACTS, {**FACTS, name: value}) == frozenset({name})


def test_changes_for_everybody_takes_absent_none_and_blank_as_not_stated():
    without = {name: value for name, value in FACTS.items() if name != "customer_action"}

    assert changes_for_everybody(FACTS, without) == frozenset()
    assert changes_for_everybody(without, {**FACTS, "customer_action": None}) == frozenset()
    assert changes_for_everybody(without, {**FACTS, "customer_action": " \n"}) == frozenset()


def test_changes_for_everybody_does_not_mind_the_spelling_of_a_stored_status():
    assert changes_for_everybody({**FACTS, "status": "identified"}, FACTS) == frozenset()


def test_changes_for_everybody_before_the_first_update_are_all_stated_facts():
    assert changes_for_everybody(None, FACTS) == frozenset({"status", "workaround", "expected_resolution"})
