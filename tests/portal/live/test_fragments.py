import json

import pytest
from django.utils import timezone

from comms.choices import Variant
from comms.models import Message
from comms.rendering.messages import Text
from portal.live.fragments import Fragments
from tests.factories import make_account, make_component, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def component():
    component = make_component()
    make_account(uses=(component,))
    return component


def translate(update, variant: Variant, html: str) -> None:
    """The same update in German, as a German template makes it."""
    english = update.messages.get(variant=variant)
    english.pk, english.key, english.language, english.html = None, "a" * 32, "de", html
    english.save(force_insert=True)


def test_refresh_renders_only_what_is_new(component, django_assert_num_queries):
    incident = make_incident(component)
    publish(incident)
    fragments = Fragments()
    fragments.refresh(incident.pk)
    (first,) = fragments.of(incident.pk, Variant.BUSINESS, "en")

    publish(incident)
    with django_assert_num_queries(1):
        fragments.refresh(incident.pk)
    again, second = fragments.of(incident.pk, Variant.BUSINESS, "en")

    assert again is first
    assert json.loads(second)["sequence"] == 2


def test_of_counts_each_variant_by_itself(component):
    incident = make_incident(component)
    publish(incident)
    publish(incident, texts={Variant.TECHNICAL: Text(note="more")})
    fragments = Fragments()
    fragments.refresh(incident.pk)
    assert [len(fragments.of(incident.pk, v, "en")) for v in (Variant.TECHNICAL, Variant.BUSINESS)] == [2, 1]


def test_of_takes_the_readers_language_where_it_was_written(component):
    incident = make_incident(component)
    publish(incident)
    translate(publish(incident), Variant.BUSINESS, "<p>verzögert</p>")
    fragments = Fragments()
    fragments.refresh(incident.pk)
    german = fragments.of(incident.pk, Variant.BUSINESS, "de")
    english = fragments.of(incident.pk, Variant.BUSINESS, "en")
    assert ["verzögert" in frame for frame in german] == [False, True]
    assert ["verzögert" in frame for frame in english] == [False, False]
    assert german[0] is english[0]


def test_a_fragment_is_the_same_whoever_caused_it(component):
    incident = make_incident(component)
    publish(incident)
    frames = []
    for zone in ("UTC", "Asia/Tokyo"):
        with timezone.override(zone):
            fragments = Fragments()
            fragments.refresh(incident.pk)
            frames.append(fragments.of(incident.pk, Variant.TECHNICAL, "en"))
    assert frames[0] == frames[1]
    assert Message.objects.filter(incident=incident).count() == 2


def test_refresh_forgets_the_incidents_that_were_not_asked_for_lately(component, monkeypatch):
    monkeypatch.setattr("portal.live.fragments.FRAMES_MAX", 3)
    incidents = [make_incident(component) for _ in range(2)]
    fragments = Fragments()
    for incident in incidents:
        publish(incident)
        fragments.refresh(incident.pk)
    assert len(fragments) == 1
    fragments.refresh(incidents[0].pk)  # and finds it again
    assert len(fragments.of(incidents[0].pk, Variant.BUSINESS, "en")) == 1
