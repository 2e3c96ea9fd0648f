"""Personal contact by a named person (H5)."""

from datetime import date, timedelta

import pytest

from comms.actions import outreach
from comms.actions.outreach import NextStepNeedsDay, NotYourAccount
from comms.choices import Mood, OutreachWay, TimelineKind
from comms.models import Outreach
from customers import clock
from tests.factories import make_account, make_component, make_contact, make_incident, make_user

pytestmark = pytest.mark.django_db


def log(account, by, **changes):
    values = {
        "incident": None,
        "contact": None,
        "person": by,
        "at": clock.now(),
        "way": OutreachWay.PHONE,
        "said": "They wait for the post-mortem.",
        "mood": Mood.CONCERNED,
        "next_step": "send the post-mortem",
        "next_step_due": date(2026, 11, 23),
    }
    return outreach.log_outreach(account=account, logged_by=by, **values | changes)


def test_log_outreach_keeps_who_when_how_what_and_what_comes_next(csm):
    account = make_account("Jensen & Co", owner=csm)
    contact = make_contact(account)
    incident = make_incident(make_component())
    entry = log(account, csm, contact=contact, incident=incident, said="a\x00b\r\nc", next_step="send\nit")

    entry.refresh_from_db()
    assert (entry.said, entry.next_step, entry.contact, entry.mood) == ("ab\nc", "send it", contact, "concerned")
    line = incident.timeline.get(kind=TimelineKind.OUTREACH)
    assert (line.text, line.actor) == ("Outreach: Mara Lindqvist and Jensen & Co, phone call, concerned.", csm)


def test_log_outreach_is_for_the_accounts_owner_and_names_him(csm):
    account = make_account("Jensen & Co", owner=csm)
    with pytest.raises(NotYourAccount, match="Jensen & Co is not one of your accounts; its owner is Mara Lindqvist"):
        log(account, make_user())
    with pytest.raises(NotYourAccount, match="nobody yet"):
        log(make_account(), csm)
    assert not Outreach.objects.exists()
    assert log(account, make_user(is_superuser=True)).account == account


@pytest.mark.parametrize(("step", "due"), [("call back", None), ("", date(2026, 11, 23)), (" \n ", date(2026, 11, 23))])
def test_log_outreach_needs_a_next_step_with_its_day(csm, step, due):
    with pytest.raises(NextStepNeedsDay):
        log(make_account(owner=csm), csm, next_step=step, next_step_due=due)
    assert not Outreach.objects.exists()


def test_overdue_are_the_undone_steps_of_days_gone(csm):
    account, today = make_account(owner=csm), date(2026, 11, 23)
    late = log(account, csm, next_step_due=today - timedelta(days=1))
    log(account, csm, next_step_due=today)
    log(account, csm, next_step="", next_step_due=None)
    assert list(Outreach.objects.overdue(today)) == [late]
    outreach.finish_next_step(outreach_id=late.pk, actor=csm)
    assert not Outreach.objects.overdue(today).exists()


def test_finish_next_step_once_and_by_the_owner_only(csm):
    entry = log(make_account(owner=csm), csm)
    assert outreach.finish_next_step(outreach_id=entry.pk, actor=make_user()) is False
    assert outreach.finish_next_step(outreach_id=entry.pk, actor=csm) is True
    assert outreach.finish_next_step(outreach_id=entry.pk, actor=csm) is False
