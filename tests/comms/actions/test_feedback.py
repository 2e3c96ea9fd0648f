"""How an incident was told, in its readers' eyes (F5)."""

import pytest

from comms.actions import feedback
from comms.actions.feedback import Summary
from comms.models import Feedback
from customers.choices import Track
from tests.factories import make_account, make_component, make_contact, make_incident

pytestmark = pytest.mark.django_db


def test_given_again_it_replaces():
    incident, contact = make_incident(make_component()), make_contact(make_account())
    first = {"clear": 2, "tone": None, "useful": 5, "words": "when?"}
    feedback.give(incident=incident, contact=contact, track=Track.BUSINESS, **first)
    feedback.give(
        incident=incident, contact=contact, track=Track.TECHNICAL, **(first | {"clear": 4, "words": " \ue000ok\n"})
    )
    assert list(Feedback.objects.values_list("track", "clear", "tone", "useful", "words")) == [
        ("technical", 4, None, 5, "ok")
    ]


def test_summaries_are_per_incident_and_track():
    one, two, silent = (make_incident(make_component()) for _ in range(3))
    said = [
        (one, Track.BUSINESS, 2, None, 5),
        (one, Track.BUSINESS, 3, None, None),
        (one, Track.TECHNICAL, 4, 4, 4),
        (two, Track.BUSINESS, 1, 1, 1),
    ]
    for incident, track, clear, tone, useful in said:
        contact = make_contact(make_account(), track)
        feedback.give(incident=incident, contact=contact, track=track, clear=clear, tone=tone, useful=useful)
    assert feedback.summaries_of([one.pk, two.pk, silent.pk]) == {
        one.pk: [Summary(Track.TECHNICAL, 1, 4.0, 4.0, 4.0), Summary(Track.BUSINESS, 2, 2.5, None, 5.0)],
        two.pk: [Summary(Track.BUSINESS, 1, 1.0, 1.0, 1.0)],
    }
    assert feedback.summaries_of([silent.pk]) == {}
