"""The made-up company: loaded once, mailed never, and everybody named can sign in."""

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django_q.models import OrmQ

from comms.models import Delivery, Message
from customers.models import Account, ApiKey, Component, Contact, ContactPoint, Service, Usage, User
from demo import load
from demo.people import COLLEAGUES, CUSTOMERS, PASSWORD

pytestmark = pytest.mark.django_db


def counted() -> dict[str, int]:
    models = (Account, Component, Contact, ContactPoint, Service, Usage, User)
    return {model.__name__: model.objects.count() for model in models}


def test_load_twice_loads_once_and_sends_nothing():
    assert load.load()
    first = counted()
    assert {name: first[name] for name in ("Account", "Contact", "Service", "Component")} == {
        "Account": 240,
        "Contact": 600,
        "Service": 12,
        "Component": 30,
    }

    User.objects.filter(email=COLLEAGUES[0].email).update(name="Renamed")
    assert not load.load()

    assert counted() == first
    assert User.objects.get(email=COLLEAGUES[0].email).name == "Renamed"
    assert [model.objects.count() for model in (Message, Delivery, OrmQ)] == [0, 0, 0]


def test_load_gives_everybody_his_login_and_role():
    load.load()
    for colleague in COLLEAGUES:
        user = authenticate(email=colleague.email, password=PASSWORD)
        assert user is not None
        assert [group.name for group in user.groups.all()] == [colleague.role]
        assert user.is_staff
    for email in CUSTOMERS:
        user = authenticate(email=email, password=PASSWORD)
        assert user is not None
        assert not user.is_staff
        assert Contact.objects.get(email=email).user == user


def test_customers_sign_in_on_the_page_and_see_their_services():
    load.load()
    for email in CUSTOMERS:
        client = Client()
        answer = client.post("/account/login/", {"login": email, "password": PASSWORD})
        assert (answer.status_code, answer["Location"]) == (302, "/")
        contact = Contact.objects.get(email=email)
        label = Usage.objects.filter(account=contact.account).earliest("label").label
        assert label in client.get("/").content.decode()


def test_monitoring_key_is_one_and_new_with_each_start():
    load.load()
    first, second = load.monitoring_key(), load.monitoring_key()
    assert first != second
    assert ApiKey.objects.filter(name=load.KEY_NAME).count() == 1
