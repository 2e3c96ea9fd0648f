from decimal import Decimal

import pytest

from customers.models import Company
from tests.customers.admin.support import client_of, text_of, url

pytestmark = pytest.mark.django_db
FIELDS = {
    "name": "Harbourline",
    "sender_name": "Harbourline",
    "sender_address": "status@harbour.example",
    "merge_up_to": "2",
    "merge_seconds": "60",
    "sms_price": "",
    "sms_currency": "EUR",
    "sms_limit": "500",
}


def save(user, **changes):
    return client_of(user).post(url("customers.company", "change", 1), FIELDS | changes)


def test_company_is_one_row(administrator):
    client = client_of(administrator)

    save(administrator)

    assert Company.current().name == "Harbourline"
    assert client.get(url("customers.company", "add")).status_code == 403
    assert client.post(url("customers.company", "delete", 1), {"post": "yes"}).status_code == 403


def test_company_keeps_what_an_sms_costs_and_how_many_may_leave(administrator):
    save(administrator, sms_price="0.0755", sms_currency="usd", sms_limit="0")

    company = Company.current()
    assert (company.sms_price, company.sms_currency, company.sms_limit) == (Decimal("0.0755"), "USD", 0)


def test_company_without_a_price_has_none(administrator):
    Company.objects.update(sms_price=Decimal("0.07"))

    save(administrator)

    assert Company.current().sms_price is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sms_price": "-0.01"},
        {"sms_price": "0.00001"},
        {"sms_currency": "E1"},
        {"sms_currency": ""},
        {"sms_limit": "-1"},
        {"sms_limit": ""},
    ],
)
def test_company_refuses_what_cannot_be(administrator, changes):
    response = save(administrator, **changes)

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == list(changes)
    assert Company.current().name != "Harbourline"


def test_company_page_says_what_the_fields_mean(administrator):
    page = text_of(client_of(administrator).get(url("customers.company", "change", 1)))

    for words in ("Identity", "Merging", "What your provider charges for one SMS.", "All are sent where its author"):
        assert words in page
