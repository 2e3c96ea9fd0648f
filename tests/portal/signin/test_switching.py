"""A person of several accounts looks at all of them, or at one that he chooses (K1, B7)."""

import pytest

from customers.choices import Track
from customers.models import Contact
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db
SWITCH = "/account/switch/"


@pytest.fixture
def both():
    """One person: technical contact of Acme, business contact of Bolt, each with an incident of its own."""
    parts = {name: make_component(f"c-{name}") for name in ("Acme", "Bolt")}
    accounts = {name: make_account(name, uses=(part,), label=f"{name.lower()}.example") for name, part in parts.items()}
    acme = make_contact(accounts["Acme"], Track.TECHNICAL, login=True)
    bolt = make_contact(accounts["Bolt"], Track.BUSINESS)
    Contact.objects.filter(pk=bolt.pk).update(user=acme.user)
    incidents = {name: make_incident(part) for name, part in parts.items()}
    for incident in incidents.values():
        publish(incident)
    return acme.user, accounts, incidents


def seen(client, incidents) -> set[str]:
    return {name for name, incident in incidents.items() if client.get(f"/incidents/{incident.pk}/").status_code == 200}


def test_all_are_seen_until_one_is_chosen_and_again_afterwards(client, both):
    user, accounts, incidents = both
    client.force_login(user)
    assert seen(client, incidents) == {"Acme", "Bolt"}
    assert client.post(SWITCH, {"account": str(accounts["Bolt"].pk)})["Location"] == "/"
    assert seen(client, incidents) == {"Bolt"}
    home = client.get("/").content.decode()
    assert ("bolt.example" in home, "acme.example" in home) == (True, False)
    client.post(SWITCH, {"account": ""})
    assert seen(client, incidents) == {"Acme", "Bolt"}


def test_the_chosen_account_decides_the_track_of_what_concerns_both(client, both):
    user, accounts, _ = both
    part = make_component("c-both")
    for account in accounts.values():
        account.usages.create(component=part, label="x", starts_on="2020-01-01", external_id=f"U-{account.name}")
    incident = make_incident(part)
    publish(incident)
    client.force_login(user)
    assert "p95 of writes" in client.get(f"/incidents/{incident.pk}/").content.decode()
    client.post(SWITCH, {"account": str(accounts["Bolt"].pk)})
    assert "p95 of writes" not in client.get(f"/incidents/{incident.pk}/").content.decode()


@pytest.mark.parametrize("wanted", ["stranger", "0", "-1", "x", "1; DROP", ""])
def test_only_his_own_can_be_chosen(client, both, wanted):
    user, accounts, incidents = both
    stranger = make_account()
    client.force_login(user)
    client.post(SWITCH, {"account": str(accounts["Bolt"].pk)})
    client.post(SWITCH, {"account": str(stranger.pk) if wanted == "stranger" else wanted})
    assert seen(client, incidents) == {"Acme", "Bolt"}
    assert "chosen_account" not in client.session


def test_one_that_is_no_longer_his_shows_nothing_of_it(client, both):
    user, accounts, incidents = both
    client.force_login(user)
    client.post(SWITCH, {"account": str(accounts["Bolt"].pk)})
    Contact.objects.filter(account=accounts["Bolt"]).update(user=None)
    assert seen(client, incidents) == {"Acme"}
    assert "chosen_account" not in client.session  # so the page's socket shows the same


def test_a_session_that_names_anothers_account_is_worth_nothing(client, both):
    user, _, incidents = both
    client.force_login(user)
    session = client.session
    session["chosen_account"] = make_account("Other").pk
    session.save()
    assert seen(client, incidents) == {"Acme", "Bolt"}


def test_the_menu_offers_the_choice_only_to_who_has_one(client, both):
    user, _, _ = both
    client.force_login(user)
    page = client.get("/").content.decode()
    assert ("Only Acme" in page, "Only Bolt" in page, "All my accounts" in page) == (True, True, True)
    client.force_login(make_contact(make_account(), login=True).user)
    assert "All my accounts" not in client.get("/").content.decode()


def test_looking_at_the_address_chooses_nothing(client, both):
    user, accounts, incidents = both
    client.force_login(user)
    assert client.get(SWITCH, {"account": str(accounts["Bolt"].pk)}).status_code == 405
    assert seen(client, incidents) == {"Acme", "Bolt"}
