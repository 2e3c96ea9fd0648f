"""Contacts, their addresses, and tracks: what a person chose stays chosen."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import deliveries
from customers.actions import segmentation
from customers.actions.accounts import set_account_track, set_contact_track
from customers.actions.imports import Refusal, Report, import_accounts, import_contacts
from customers.actions.imports.contacts import REPLACED
from customers.choices import Track, TrackSource
from customers.models import Account, Contact, ContactPoint, TrackDecision
from tests.factories import make_account, make_contact

ACCOUNTS = (
    "external_id,name,cohort,timezone,language,owner,sponsor,contract_value,monthly_fee,currency,"
    "sla_policy,strategic,track,track_reason\n"
)
CONTACTS = "external_id,account,name,email,role,language,timezone,track\n"


@pytest.fixture(autouse=True)
def _account(db) -> None:
    import_account()


def import_account(track: str = "", reason: str = "") -> Report:
    return import_accounts(f"{ACCOUNTS}A1,Mill,,,,,,,,EUR,,,{track},{reason}\n".encode())


def import_contact(email: str = "edith@mill.example", track: str = "", name: str = "Edith") -> Report:
    return import_contacts(f"{CONTACTS}K1,A1,{name},{email},,,,{track}\n".encode())


def points() -> dict[str, str]:
    return dict(ContactPoint.objects.order_by("pk").values_list("address", "suppressed_reason"))


def decisions() -> list[tuple[str, str, str]]:
    return list(TrackDecision.objects.order_by("pk").values_list("source", "track", "reason"))


def effective() -> tuple[str, str]:
    contact = Contact.objects.get()
    return contact.effective_track, contact.effective_source


def test_import_contacts_names_every_bad_value_and_keeps_the_good_rows():
    rows = [
        "K1,A1,Edith,edith@mill.example,Technical,DE,Europe/Oslo,technical",
        "K2,A9,Edith,edith@mill.example,,,,",
        "K3,A1,Edith,edith at mill,,,,",
        "K4,A1,Edith,,,,,",
        "K5,A1,Edith,edith@mill.example,boss,fr,CEST,geek",
        f"{'K' * 65},A1,Edith,{'e' * 60}@{'mill.' * 40}example,,,,",
        "K7,A1,Edith,edith@mill.example,,,,",
    ]

    assert import_contacts((CONTACTS + "\n".join(rows)).encode()) == Report(
        "contacts",
        added=2,
        refused=[
            Refusal(3, "account", "is no account that is known here", "A9"),
            Refusal(4, "email", "is not an e-mail address", "edith at mill"),
            Refusal(5, "email", "is empty"),
            Refusal(
                6, "role", "is none of technical, business, billing, executive, administrator, stakeholder", "boss"
            ),
            Refusal(6, "language", "is none of en, de", "fr"),
            Refusal(6, "timezone", "is not a time zone like Europe/Berlin", "CEST"),
            Refusal(6, "track", "is none of technical, business", "geek"),
            Refusal(7, "external_id", "has 65 characters, at most 64 are allowed", "K" * 60 + "…"),
            Refusal(7, "email", "has 268 characters, at most 254 are allowed", "e" * 60 + "…"),
        ],
    )
    fields = ("external_id", "name", "email", "role", "language", "timezone", "track_set")
    assert list(Contact.objects.order_by("external_id").values_list(*fields)) == [
        ("K1", "Edith", "edith@mill.example", "technical", "de", "Europe/Oslo", "technical"),
        ("K7", "Edith", "edith@mill.example", "business", "", "", ""),
    ]


def test_a_line_end_in_an_address_makes_no_header():
    report = import_contacts(f'{CONTACTS}K1,A1,Edith,"edith@mill.example\r\nBcc: x@y.example",,,,\n'.encode())

    assert report == Report(
        "contacts",
        refused=[Refusal(2, "email", "is not an e-mail address", "edith@mill.example Bcc: x@y.example")],
    )


def test_a_new_address_takes_over_and_the_old_one_is_suppressed_until_it_returns():
    import_contact("old@mill.example")

    assert import_contact("new@mill.example") == Report("contacts", changed=1)
    assert points() == {"old@mill.example": REPLACED, "new@mill.example": ""}

    assert import_contact("old@mill.example") == Report("contacts", changed=1)
    assert points() == {"old@mill.example": "", "new@mill.example": REPLACED}
    assert list(ContactPoint.objects.reachable().values_list("address", flat=True)) == ["old@mill.example"]


def test_an_address_that_was_unsubscribed_stays_so_whatever_the_file_says():
    import_contact("Old@mill.example")
    assert deliveries.unsubscribe([ContactPoint.objects.get().pk])

    for address in ("old@mill.example", "OLD@mill.example", "new@mill.example", "old@mill.example"):
        import_contact(address)

    assert points() == {"Old@mill.example": "", "new@mill.example": REPLACED}
    assert ContactPoint.objects.get(address="Old@mill.example").unsubscribed_at is not None


def test_another_point_of_the_contact_is_left_alone():
    import_contact("old@mill.example")
    ContactPoint.objects.create(contact=Contact.objects.get(), address="second@mill.example")

    import_contact("new@mill.example")

    assert points() == {"old@mill.example": REPLACED, "second@mill.example": "", "new@mill.example": ""}


def test_a_contact_without_a_point_gets_one():
    import_contact()
    ContactPoint.objects.all().delete()

    import_contact()

    assert points() == {"edith@mill.example": ""}


def test_a_changed_address_says_that_the_login_stays():
    contact = make_contact(Account.objects.get(), login=True)
    Contact.objects.update(external_id="K1")

    report = import_contact("new@mill.example")

    assert report == Report(
        "contacts",
        changed=1,
        warnings=["line 2: the address is another now; the login stays that of the old one"],
    )
    assert Contact.objects.get().user == contact.user


def test_tracks_of_a_file_count_as_set_with_their_reason():
    import_contact()
    import_account("technical", "asked for SSH keys")
    assert effective() == (Track.TECHNICAL, TrackSource.ACCOUNT_SET)

    assert import_contact(track="business") == Report("contacts", changed=1)
    assert effective() == (Track.BUSINESS, TrackSource.CONTACT_SET)

    assert import_account("technical", "asked for SSH keys") == Report("accounts", unchanged=1)
    assert import_contact(track="business") == Report("contacts", unchanged=1)
    assert decisions() == [
        (TrackSource.ACCOUNT_SET, "technical", "asked for SSH keys"),
        (TrackSource.CONTACT_SET, "business", "stands in the imported file"),
    ]


def test_a_new_contact_reads_the_track_of_its_account():
    import_account("technical", "asked for SSH keys")

    import_contact()

    assert effective() == (Track.TECHNICAL, TrackSource.ACCOUNT_SET)
    assert Contact.objects.get().track_set == ""


@pytest.mark.parametrize("chosen", [Track.BUSINESS, None])
def test_a_persons_choice_for_an_account_survives(support, chosen):
    import_account("technical", "asked for SSH keys")
    import_contact()
    account = Account.objects.get()
    set_account_track(account_id=account.pk, track=chosen, locked=True, reason="he said so", actor=support)
    before = (decisions(), effective())

    assert import_account("technical", "asked for SSH keys") == Report(
        "accounts",
        unchanged=1,
        warnings=['line 2: track "technical" was not taken: another choice was made before'],
    )

    account.refresh_from_db()
    assert (account.track_set, account.track_reason, account.track_locked) == (
        chosen or "",
        "he said so",
        chosen is not None,
    )
    assert (decisions(), effective()) == before


@pytest.mark.parametrize("chosen", [Track.BUSINESS, None])
def test_a_persons_choice_for_a_contact_survives(support, chosen):
    import_contact(track="technical")
    contact = Contact.objects.get()
    set_contact_track(contact_id=contact.pk, track=chosen, reason="she said so", actor=support)
    before = (decisions(), effective())

    assert import_contact(track="technical", name="Edith Marlow") == Report(
        "contacts",
        changed=1,
        warnings=['line 2: track "technical" was not taken: another choice was made before'],
    )

    contact.refresh_from_db()
    assert (contact.name, contact.track_set, contact.track_reason) == (
        "Edith Marlow",
        chosen or "",
        "she said so",
    )
    assert (decisions(), effective()) == before


def test_an_empty_track_in_the_file_clears_nothing():
    import_account("technical", "asked for SSH keys")
    import_contact(track="business")

    assert import_account() == Report("accounts", unchanged=1)
    assert import_contact() == Report("contacts", unchanged=1)
    assert effective() == (Track.BUSINESS, TrackSource.CONTACT_SET)


def test_a_contact_that_moves_reads_the_track_of_its_new_account():
    import_contact()
    other = make_account(track_set=Track.TECHNICAL)

    report = import_contacts(f"{CONTACTS}K1,{other.external_id},Edith,edith@mill.example,,,,\n".encode())

    assert report == Report("contacts", changed=1)
    assert effective() == (Track.TECHNICAL, TrackSource.ACCOUNT_SET)


def test_apply_many_is_apply_for_each_in_a_bounded_number_of_queries():
    accounts = [make_account(track_set=track) for track in ("technical", "business", "", "technical")]
    for account in accounts:
        for own in ("", "technical", ""):
            contact = make_contact(account)
            Contact.objects.filter(pk=contact.pk).update(track_set=own)
    fields = ("pk", "effective_track", "effective_source")
    for account in accounts:
        segmentation.apply(account)
    expected = list(Contact.objects.order_by("pk").values_list(*fields))
    Contact.objects.update(effective_track=Track.BUSINESS, effective_source=TrackSource.CONTACT_INFERRED)

    with CaptureQueriesContext(connection) as queries:
        segmentation.apply_many([account.pk for account in accounts])

    assert list(Contact.objects.order_by("pk").values_list(*fields)) == expected
    assert len(queries) == 1 + len({(track, source) for _, track, source in expected})


def test_history_keeps_what_stood_there_before():
    import_contact(name="Edith")
    import_contact(name="Edith Marlow")
    import_contact(name="Edith Marlow")

    events = Contact.objects.get().events.order_by("pgh_id")  # one a write, none for an unchanged row
    assert list(events.values_list("name", flat=True)) == ["Edith", "Edith Marlow"]
