from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions.outreach import log_outreach
from comms.choices import IncidentStatus, Mood, OutreachWay
from comms.models import FollowUp, Incident, Outreach
from customers import clock
from customers.models import Account
from customers.policies.roles import CSM
from tests.factories import (
    make_account,
    make_component,
    make_contact,
    make_incident,
    make_usage,
    make_user,
    publish,
)


@pytest.fixture
def mine(component, csm) -> Account:
    return make_account("Mine", uses=(component,), owner=csm)


@pytest.fixture
def published(component) -> Incident:
    incident = make_incident(component, classified=True)
    publish(incident)
    incident.refresh_from_db()
    return incident


def spoke(account: Account, incident: Incident | None = None, *, step: str = "", due: date | None = None) -> Outreach:
    return log_outreach(
        account=account,
        incident=incident,
        contact=None,
        person=account.owner,
        at=clock.now(),
        way=OutreachWay.PHONE,
        said="He is fine.",
        mood=Mood.CALM,
        next_step=step,
        next_step_due=due,
        logged_by=account.owner,
    )


def form(csm, **changes) -> dict[str, object]:
    fields: dict[str, object] = {
        "person": csm.pk,
        "at": "2026-01-02T10:00",
        "way": "phone",
        "said": "He asked when.",
        "mood": "concerned",
        "next_step": "Call again",
        "next_step_due": "2026-01-05",
    }
    return fields | changes


def calls_of(response) -> list[tuple[Account, Incident]]:
    return [(call.account, call.incident) for call in response.context["calls"]]


def test_desk_lists_my_affected_accounts_that_nobody_has_called(as_user, csm, mine, published, component):
    make_account("Somebody else's", uses=(component,), owner=make_user(CSM))
    make_account("Nobody's", uses=(component,))
    make_account("Not affected", uses=(make_component(),), owner=csm)
    spoke(make_account("Called", uses=(component,), owner=csm), published)

    response = as_user(csm).get("/room/outreach/")

    assert calls_of(response) == [(mine, published)]
    page = response.content.decode()
    assert "Somebody else&#x27;s" not in page
    assert "Nobody&#x27;s" not in page


def test_desk_leaves_out_drafts_and_what_is_long_over(as_user, csm, mine, published, component):
    make_incident(component, title="Still a draft", classified=True)
    old = make_incident(component, title="Long over", classified=True)
    publish(old)
    publish(old, IncidentStatus.RESOLVED)
    Incident.objects.filter(pk=old.pk).update(resolved_at=clock.now() - timedelta(days=8))
    new = make_incident(component, title="Just over", classified=True)
    publish(new)
    publish(new, IncidentStatus.RESOLVED)

    assert calls_of(as_user(csm).get("/room/outreach/")) == [(mine, published), (mine, new)]


def test_desk_leaves_out_usage_that_ended_before_the_incident(as_user, csm, published, component):
    former = make_account("Former", owner=csm)
    make_usage(former, component, "old.example", ends_on=date(2020, 2, 1))

    assert calls_of(as_user(csm).get("/room/outreach/")) == []


def test_desk_shows_overdue_steps_first_with_their_number(as_user, csm, mine):
    today = clock.now().date()
    late = spoke(mine, step="Send the review", due=today - timedelta(days=3))
    later = spoke(mine, step="Meet", due=today)
    done = spoke(mine, step="Long done", due=today - timedelta(days=9))
    client = as_user(csm)
    client.post(f"/room/outreach/{done.pk}/done/")

    response = client.get("/room/outreach/")

    assert response.context["overdue"] == [(late, 3)]
    assert list(response.context["coming"]) == [later]
    assert "1 next step is overdue." in response.content.decode()


def test_done_is_only_for_the_owner(as_user, csm, mine):
    entry = spoke(mine, step="Send the review", due=date(2026, 1, 1))

    assert as_user(make_user(CSM)).post(f"/room/outreach/{entry.pk}/done/").status_code == 404
    entry.refresh_from_db()
    assert entry.next_step_done_at is None
    assert as_user(csm).post(f"/room/outreach/{entry.pk}/done/").status_code == 302
    entry.refresh_from_db()
    assert entry.next_step_done_at is not None


def test_new_logs_who_when_how_what_and_what_next(as_user, csm, mine, published):
    contact = make_contact(mine)

    response = as_user(csm).post(
        f"/room/outreach/new/?account={mine.pk}&incident={published.pk}",
        form(csm, incident=published.pk, contact=contact.pk),
    )

    entry = Outreach.objects.get()
    assert response.url == "/room/outreach/"
    assert (entry.account, entry.incident, entry.contact, entry.person) == (mine, published, contact, csm)
    assert (entry.at.isoformat(), entry.way, entry.mood) == ("2026-01-02T10:00:00+00:00", "phone", "concerned")
    assert (entry.said, entry.next_step, entry.next_step_due) == (
        "He asked when.",
        "Call again",
        date(2026, 1, 5),
    )
    assert calls_of(as_user(csm).get("/room/outreach/")) == []


@pytest.mark.parametrize("query", ["account={other}", "account=x", "account=99999999999999999999", "account=²"])
def test_new_for_an_account_of_another_does_not_exist(as_user, csm, mine, query):
    other = make_account("Theirs", owner=make_user(CSM))
    address = "/room/outreach/new/?" + query.format(other=other.pk)

    assert as_user(csm).get(address).status_code == 404
    assert as_user(csm).post(address, form(csm)).status_code == 404
    assert not Outreach.objects.exists()


def test_new_refuses_incidents_and_contacts_that_are_not_the_accounts(as_user, csm, mine):
    other = make_component()
    stranger = make_contact(make_account("Theirs", uses=(other,)))
    elsewhere = make_incident(other, classified=True)
    publish(elsewhere)
    client = as_user(csm)

    response = client.post(
        f"/room/outreach/new/?account={mine.pk}", form(csm, incident=elsewhere.pk, contact=stranger.pk)
    )

    assert client.get(f"/room/outreach/new/?account={mine.pk}&incident={elsewhere.pk}").status_code == 404
    assert (response.status_code, sorted(response.context["form"].errors)) == (422, ["contact", "incident"])
    assert stranger.name not in response.content.decode()


@pytest.mark.parametrize(
    ("changes", "marked"),
    [
        ({"said": ""}, "said"),
        ({"at": "2999-01-01T00:00"}, "at"),
        ({"at": "noon"}, "at"),
        ({"way": "pigeon"}, "way"),
        ({"mood": "blue"}, "mood"),
        ({"next_step": ""}, "next_step_due"),
        ({"next_step_due": ""}, "next_step_due"),
        ({"next_step_due": "31.31.2026"}, "next_step_due"),
        ({"said": "x" * 5001}, "said"),
    ],
)
def test_new_marks_bad_input_and_keeps_the_rest(as_user, csm, mine, changes, marked):
    response = as_user(csm).post(f"/room/outreach/new/?account={mine.pk}", form(csm, **changes))

    assert (response.status_code, list(response.context["form"].errors)) == (422, [marked])
    assert not Outreach.objects.exists()


def test_new_without_an_account_asks_for_one_of_mine(as_user, csm, mine):
    make_account("Theirs", owner=make_user(CSM))

    response = as_user(csm).get("/room/outreach/new/")

    assert list(response.context["accounts"]) == [mine]


def test_desk_queries_do_not_grow(as_user, csm, component):
    client = as_user(csm)
    counts = []
    for n in (1, 3):
        for _ in range(n):
            account = make_account(uses=(component,), owner=csm)
            publish(make_incident(component, classified=True))
            spoke(account, step="Call", due=date(2026, 1, 1))
            spoke(account, step="Meet", due=date(2999, 1, 1))
            to_see_to(account)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/room/outreach/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 17


def to_see_to(account: Account, address: str = "jo@customer.example", **fields) -> FollowUp:
    return FollowUp.objects.create(
        account=account, reason="bounced", subject=address, words="550 no such user", raised_at=clock.now(), **fields
    )


def test_desk_shows_first_what_is_to_be_seen_to_of_my_accounts(as_user, csm, mine):
    entry = to_see_to(mine)
    to_see_to(make_account("Theirs", owner=make_user(CSM)), "theirs@customer.example")
    to_see_to(mine, "done@customer.example", done_at=clock.now(), done_by=csm)

    response = as_user(csm).get("/room/outreach/")

    page = response.content.decode()
    assert list(response.context["follow_ups"]) == [entry]
    assert "jo@customer.example" in page
    assert "550 no such user" in page
    assert "theirs@customer.example" not in page


def test_seen_to_is_only_for_the_owner_and_counts_once(as_user, csm, mine):
    entry = to_see_to(mine)
    address = f"/room/outreach/follow-ups/{entry.pk}/done/"

    assert as_user(make_user(CSM)).post(address).status_code == 404
    assert as_user(csm).get(address).status_code == 405
    entry.refresh_from_db()
    assert entry.done_at is None

    assert as_user(csm).post(address).url == "/room/outreach/"
    entry.refresh_from_db()
    first = entry.done_at
    assert (first is not None, entry.done_by) == (True, csm)
    as_user(csm).post(address)
    entry.refresh_from_db()
    assert entry.done_at == first
