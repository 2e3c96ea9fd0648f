import pytest
from django.test import Client

from portal.api.errors import NOT_AS_DOCUMENTED
from tests.portal.api.senders import ALERTS, TICKETS, error, post_group, signed_headers

NOTHING = error("not_found", "There is nothing at this address. Addresses of this API end with a slash.")


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
@pytest.mark.parametrize("address", ["/api/v1/", "/api/v1/nothing", ALERTS.rstrip("/"), "/api/v1/tickets/a/b/"])
def test_unknown_address_is_answered_in_json(db, method, address):
    response = getattr(Client(), method)(address)
    assert (response.status_code, response["Content-Type"], response.json()) == (404, "application/json", NOTHING)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_other_method_is_answered_in_json(key, method):
    response = getattr(Client(), method)(ALERTS, headers={"authorization": f"Bearer {key}"})
    told = error("method_not_allowed", f'Method "{method.upper()}" not allowed.')
    assert (response.status_code, response["Allow"], response.json()) == (405, "POST", told)


def test_other_method_for_tickets_is_answered_in_json(sender):
    response = Client().get(TICKETS, headers=signed_headers(b""))
    assert (response.status_code, response.json()) == (
        405,
        error("method_not_allowed", 'Method "GET" not allowed.'),
    )


def test_unacceptable_answer_is_refused_in_json(key):
    response = post_group(key, {}, headers={"accept": "text/html"})
    told = error("not_acceptable", "Could not satisfy the request Accept header.")
    assert (response.status_code, response.json()) == (406, told)


def test_answers_are_in_english_whatever_the_sender_reads(key):
    response = post_group(key, {"version": "4", "groupKey": "k"}, headers={"accept-language": "de"})
    assert response.json() == error("invalid", NOT_AS_DOCUMENTED, alerts=["This field is required."])
