import pytest

from comms.models import CadenceRule
from tests.customers.admin.support import client_of, text_of, url

pytestmark = pytest.mark.django_db


def save(administrator, severity: int, track: str, /, **fields):
    rule = CadenceRule.objects.get(severity=severity, track=track)
    sent = {"first_within": rule.first_within, "every": rule.every, "grace": rule.grace, **fields}
    response = client_of(administrator).post(url("comms.cadencerule", "change", rule.pk), sent)
    rule.refresh_from_db()
    return response, rule


def test_every_15_minutes_is_the_least(administrator):
    response, rule = save(administrator, 3, "technical", every=14)

    words = "Severity 3, technical track: an update every 14 minutes is too often; the least is 15 minutes."
    assert words in text_of(response)
    assert rule.every == 60
    assert save(administrator, 3, "technical", every=15)[1].every == 15


def test_severity_5_business_is_hourly_at_least(administrator):
    response, rule = save(administrator, 5, "business", every=61)

    words = "Severity 5, business track: an update every 61 minutes is too seldom; the most is 60 minutes."
    assert words in text_of(response)
    assert rule.every == 60


def test_a_rule_keeps_its_severity_and_track(administrator):
    response, rule = save(administrator, 2, "business", severity=5, track="technical", grace=7)

    assert response.status_code == 302
    assert (rule.severity, rule.track, rule.grace) == (2, "business", 7)


def test_a_rule_is_not_deleted(administrator):
    rule = CadenceRule.objects.first()

    response = client_of(administrator).post(url("comms.cadencerule", "delete", rule.pk), {"post": "yes"})

    assert response.status_code == 403
