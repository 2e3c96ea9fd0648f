"""Which role sees which admin page: the table of customers.policies.roles, seen from outside."""

import pytest
from django.contrib import admin
from django.test import Client

from customers.policies.roles import (
    ADMINISTRATOR,
    APPROVER,
    COMMANDER,
    COMMUNICATIONS_LEAD,
    CSM,
    LEADERSHIP,
    SUPPORT,
)
from tests.customers.admin.support import INLINE, client_of, url
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = pytest.mark.django_db

CUSTOMERS = {
    f"customers.{model}"
    for model in ("account", "contact", "service", "component", "usage", "ticket", "signal", "trackdecision")
}
INCIDENTS = {
    f"comms.{model}"
    for model in (
        *("incident", "incidentupdate", "timelineentry", "credit", "outreach", "followup"),
        *("delivery", "deliveryreport", "maintenance"),
    )
}
SETTINGS = {
    "customers.user", "customers.company", "customers.slapolicy", "customers.apikey", "customers.webhooksender",
    "comms.template", "comms.cadencerule",
}  # fmt: skip
SEES = {
    SUPPORT: CUSTOMERS | {"comms.incident"},
    COMMUNICATIONS_LEAD: CUSTOMERS | INCIDENTS,
    COMMANDER: CUSTOMERS | INCIDENTS,
    APPROVER: CUSTOMERS | INCIDENTS,
    CSM: CUSTOMERS | INCIDENTS,
    LEADERSHIP: CUSTOMERS | INCIDENTS,
    ADMINISTRATOR: CUSTOMERS | INCIDENTS | SETTINGS,
}
OURS = {model._meta.label_lower for model in admin.site._registry if model._meta.app_label in {"customers", "comms"}}


def test_every_page_is_in_this_table():
    assert CUSTOMERS | INCIDENTS | SETTINGS == OURS


@pytest.mark.parametrize("role", SEES)
def test_role_sees_its_lists_and_no_others(role):
    client = client_of(make_user(role))

    answers = {model: client.get(url(model)).status_code for model in OURS}

    assert answers == {model: 200 if model in SEES[role] else 403 for model in OURS}


CHANGES = {"customers.service", "customers.component", *SETTINGS}


@pytest.mark.parametrize("role", SEES)
def test_role_adds_only_what_it_configures(role):
    client = client_of(make_user(role))

    answers = {model: client.get(url(model, "add")).status_code for model in OURS}

    may = CHANGES - {"customers.company"} if role == ADMINISTRATOR else set()
    may |= {"comms.maintenance"} if role in {COMMUNICATIONS_LEAD, COMMANDER} else set()
    assert answers == {model: 200 if model in may else 403 for model in OURS}


def test_the_queue_is_nobodys_to_edit():
    assert [model for model in admin.site._registry if model._meta.app_label == "django_q"] == []


def test_customer_and_stranger_get_the_sign_in_and_no_data():
    component = make_component()
    account = make_account("Sekret GmbH", uses=(component,))
    customer = make_contact(account, login=True, name="Secretia").user
    incident = make_incident(component, title="Hidden trouble")
    publish(incident)
    pages = [url(model) for model in OURS] + [
        url("customers.account", "change", account.pk),
        url("customers.account", "set_track", account.pk),
        url("comms.incident", "change", incident.pk),
    ]

    for client in (client_of(customer), Client()):
        for page in pages:
            response = client.get(page)
            assert response.status_code == 302, page
            assert response["Location"].startswith("/admin/login/"), page
            followed = client.get(page, follow=True).content.decode()
            assert "Hidden trouble" not in followed
            assert "Sekret" not in followed


@pytest.mark.parametrize("model", sorted(OURS))
def test_pages_hold_to_the_content_security_policy(model):
    component = make_component()
    make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    client = client_of(make_user(is_superuser=True))
    pages = [url(model)]
    first = client.get(url(model)).context["cl"].result_list
    pages += [url(model, "change", row.pk) for row in first[:1]]
    if client.get(url(model, "add")).status_code == 200:
        pages.append(url(model, "add"))

    for page in pages:
        response = client.get(page)
        assert response.status_code == 200, page
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert INLINE.findall(response.content.decode()) == [], page
