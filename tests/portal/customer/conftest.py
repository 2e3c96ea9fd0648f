from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client

from comms.models import Incident, Promise
from customers.models import Account, Company, Component, Contact, Service
from tests.factories import make_account, make_component, make_contact


@pytest.fixture
def databases(db) -> Component:
    service = Service.objects.create(external_id="S-db", name="Managed databases", position=1)
    return make_component("pg-fra-7", service=service, cluster="fra-7-cluster")


@pytest.fixture
def account(databases: Component) -> Account:
    return make_account("Northwind Ltd", uses=(databases,), label="shop.northwind.example")


@pytest.fixture
def enter(client: Client) -> Callable[[Contact], Client]:
    """The same client, signed in as this contact."""

    def sign_in(contact: Contact) -> Client:
        assert contact.user is not None
        client.force_login(contact.user)
        return client

    return sign_in


@pytest.fixture
def business(account: Account) -> Contact:
    return make_contact(account, login=True)


@pytest.fixture
def miss_promises() -> Iterator[Callable[[Incident, str], None]]:
    """Move the incident's waiting promises into the past, by an interval of PostgreSQL."""

    def move(incident: Incident, by: str) -> None:
        waiting = Promise.objects.unanswered().filter(incident=incident)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE comms_promise SET due_at = clock_timestamp() - %s::interval WHERE id = ANY(%s)",
                [by, list(waiting.values_list("pk", flat=True))],
            )

    return move


@pytest.fixture
def company_phone(db) -> str:
    Company.objects.update(support_phone="+49 30 1234567")
    return "+49 30 1234567"
