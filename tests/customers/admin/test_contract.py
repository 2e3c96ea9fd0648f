import pytest

from customers.models import SlaPolicy
from tests.customers.admin.support import client_of, text_of, url

pytestmark = pytest.mark.django_db


def tiers(*rows: tuple[str, str]) -> dict[str, str]:
    fields = {"name": "Gold", "tiers-TOTAL_FORMS": str(len(rows)), "tiers-INITIAL_FORMS": "0"}
    for number, (below, credit) in enumerate(rows):
        fields |= {f"tiers-{number}-below": below, f"tiers-{number}-credit": credit}
    return fields


def test_policy_is_saved_with_its_tiers(administrator):
    client_of(administrator).post(url("customers.slapolicy", "add"), tiers(("99.9", "10"), ("99", "25")))

    policy = SlaPolicy.objects.get(name="Gold")
    assert [(str(t.below), str(t.credit)) for t in policy.tiers.all()] == [("99.9000", "10.00"), ("99.0000", "25.00")]


@pytest.mark.parametrize("row", [("100.1", "10"), ("99", "101"), ("-1", "10"), ("99", "-1"), ("abc", "10")])
def test_tier_outside_0_to_100_percent_is_refused(row, administrator):
    response = client_of(administrator).post(url("customers.slapolicy", "add"), tiers(row))

    assert response.status_code == 200
    assert not SlaPolicy.objects.filter(name="Gold").exists()


def test_two_tiers_of_one_uptime_are_refused(administrator):
    response = client_of(administrator).post(url("customers.slapolicy", "add"), tiers(("99", "10"), ("99", "25")))

    assert "Please correct the duplicate data" in text_of(response)
    assert not SlaPolicy.objects.filter(name="Gold").exists()
