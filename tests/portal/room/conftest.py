"""A running incident and how to fill in the form of its room, as a browser would."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from comms.models import Incident
from customers.models import Component, User
from tests.factories import make_account, make_component, make_contact, make_incident

Fields = dict[str, Any]


@pytest.fixture
def component(db) -> Component:
    return make_component("pg-1")


@pytest.fixture
def incident(component) -> Incident:
    """A draft of severity 2 that touches one account with a contact on each track."""
    account = make_account("Bakery", uses=(component,))
    make_contact(account, "technical")
    make_contact(account, "business")
    return make_incident(component, classified=True)


@pytest.fixture
def as_user(client: Client) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


def base_of(response: Any, field: Any) -> str:
    """The hidden value that a field was loaded with, as it stands in the page."""
    tag = re.search(rf'<input type="hidden" name="{field.html_initial_name}"[^>]*>', response.content.decode())
    assert tag is not None, f"the page does not carry {field.html_initial_name}"
    value = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(value[1]) if value else ""


def fields_of(response: Any, **changes: Any) -> Fields:
    """What the form of a room's page would post, with these changes; None leaves a field out."""
    writing = response.context["writing"]
    posted: Fields = {}
    for form in (writing.describe, writing.facts, writing.say):
        for field in form:
            value = field.field.widget.format_value(field.value())
            posted[field.html_name] = value if value is not None else ""
            if field.field.show_hidden_initial:
                posted[field.html_initial_name] = base_of(response, field)
    posted["tracks"] = list(writing.say["tracks"].value())
    posted["expected_sequence"] = str(response.context["incident"].sequence)
    posted |= changes
    return {name: value for name, value in posted.items() if value is not None}
