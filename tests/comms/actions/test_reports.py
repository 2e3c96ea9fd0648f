"""Reports after acceptance: once, out of order, forged, of nobody, of a mailbox that several share (R33, E4)."""

from datetime import timedelta

import pytest

from comms import ledger_reports
from comms.actions.deliveries import suppressing
from comms.actions.deliveries.reports import StillLeaving, Taken, take_mail, take_report
from comms.actions.outreach import finish_follow_up
from comms.choices import DeliveryState, FollowUpReason, ReportKind
from comms.models import Delivery, DeliveryReport, FollowUp
from comms.policies.bounces import AutoReply, NotAReport
from comms.rendering import verp
from customers import clock
from customers.models import ContactPoint
from tests.comms.bounces import BOUNCES, FORGED, bounce_address, sample, told
from tests.comms.support import race
from tests.factories import make_account, make_contact, make_user, utc

pytestmark = pytest.mark.django_db
SAID = "550 5.1.1 <jo@customer.example>: Recipient address rejected: User unknown"


@pytest.fixture(autouse=True)
def _bounce_address(settings) -> None:
    settings.BOUNCE_ADDRESS = BOUNCES


def report(delivery: Delivery | None, kind: ReportKind, event: str = "", **fields) -> Taken:
    values = {
        "source": "postmark",
        "event": event or f"{kind}-{delivery and delivery.pk}",
        "kind": kind,
        "token": None if delivery is None else verp.token_of(delivery.pk),
        "address": "jo@customer.example",
        "detail": "550 5.1.1 unknown",
        "reported_at": None,
    }
    return take_report(**{**values, **fields})


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


def suppressed() -> dict[str, str]:
    return dict(ContactPoint.objects.exclude(suppressed_at=None).values_list("address", "suppressed_reason"))


def follow_ups() -> list[tuple[int, str, str]]:
    return list(FollowUp.objects.order_by("pk").values_list("account", "reason", "subject"))


@pytest.mark.parametrize("name", ["postfix", "exchange"])
def test_take_mail_of_a_bounce_for_good(name):
    jo, al = told("jo@customer.example", "al@customer.example")
    before = clock.now()

    taken = take_mail(sample(name, bounce_address(jo)))

    jo.refresh_from_db()
    point = jo.contact_point
    kept = DeliveryReport.objects.get()
    assert taken == Taken(ReportKind.BOUNCED, matched=True, new=True)
    assert (jo.state, jo.code, jo.reply) == ("bounced", None, kept.detail)
    assert (kept.source, kept.kind, kept.delivery, kept.address) == ("mail", "bounced", jo.pk, "jo@customer.example")
    assert before <= point.suppressed_at <= clock.now()
    assert suppressed() == {"jo@customer.example": f"bounced: {kept.detail}"}
    assert follow_ups() == [(point.contact.account_id, "bounced", "jo@customer.example")]
    assert FollowUp.objects.get().words == kept.detail
    assert state_of(al) == "accepted"


def test_take_mail_twice_changes_nothing_the_second_time():
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo))
    take_mail(raw)
    ContactPoint.objects.update(suppressed_at=None, suppressed_reason="")  # a person lifted it in between
    FollowUp.objects.all().delete()

    assert take_mail(raw) == Taken(ReportKind.BOUNCED, matched=True, new=False)

    assert (DeliveryReport.objects.count(), suppressed(), follow_ups()) == (1, {}, [])


def test_take_mail_finds_the_token_in_the_envelopes_recipient_before_the_headers():
    jo, al = told("jo@customer.example", "al@customer.example")
    take_mail(sample("postfix", bounce_address(al)), recipient=bounce_address(jo).upper())
    assert (state_of(jo), state_of(al)) == ("bounced", "accepted")


@pytest.mark.parametrize("name", ["postfix", "exchange", "gmail", "complaint"])
def test_take_mail_with_a_forged_token_is_refused_and_suppresses_nobody(name):
    (jo,) = told("jo@customer.example")
    forged = bounce_address(jo)[: -len("x@portal.example")] + "0@portal.example"
    for address in (forged, FORGED):
        with pytest.raises(verp.Forged):
            take_mail(sample(name, address))
    assert (DeliveryReport.objects.count(), suppressed(), state_of(jo)) == (0, {}, "accepted")


def test_take_mail_about_no_mail_of_ours_is_kept_for_a_person_and_never_matched_by_its_address():
    (jo,) = told("jo@customer.example")
    assert take_mail(sample("postfix", BOUNCES)) == Taken(ReportKind.BOUNCED, matched=False, new=True)
    kept = DeliveryReport.objects.get()
    assert (kept.delivery, kept.address, kept.detail) == (None, "jo@customer.example", SAID)
    assert kept.reported_at <= kept.received_at
    assert (suppressed(), follow_ups(), state_of(jo)) == ({}, [], "accepted")


@pytest.mark.parametrize(("name", "error"), [("out_of_office", AutoReply), ("letter", NotAReport)])
def test_take_mail_that_reports_nothing_is_not_kept(name, error):
    (jo,) = told("jo@customer.example")
    with pytest.raises(error):
        take_mail(sample(name, bounce_address(jo)))
    assert (DeliveryReport.objects.count(), state_of(jo)) == (0, "accepted")


def test_take_mail_of_a_complaint_suppresses_and_leaves_the_state():
    (jo,) = told("jo@customer.example")
    take_mail(sample("complaint", bounce_address(jo)))
    words = "abuse, reported by mx.provider.example"
    assert state_of(jo) == "accepted"
    assert suppressed() == {"jo@customer.example": f"complained of as spam: {words}"}
    assert follow_ups() == [(jo.contact_point.contact.account_id, "complained", "jo@customer.example")]


def test_take_mail_of_a_delay_is_only_kept():
    (jo,) = told("jo@customer.example")
    take_mail(sample("gmail", bounce_address(jo)))
    assert (DeliveryReport.objects.get().kind, state_of(jo), suppressed(), follow_ups()) == (
        "delayed",
        "accepted",
        {},
        [],
    )


def test_take_mail_of_a_refused_content_suppresses_nobody_and_asks_the_owner():
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo), **{"Status: 5.1.1": "Status: 5.7.1"})
    take_mail(raw)
    account = jo.contact_point.contact.account_id
    assert (state_of(jo), suppressed()) == ("bounced", {})
    assert follow_ups() == [(account, "bounced", "jo@customer.example")]


@pytest.mark.parametrize(
    ("kinds", "ends"),
    [
        ("D", "delivered"),
        ("BD", "bounced"),
        ("DB", "bounced"),
        ("CD", "delivered"),
        ("DC", "delivered"),
        ("WBD", "bounced"),
        ("BW", "bounced"),
        ("BCD", "bounced"),
    ],
)
def test_take_report_in_any_order(kinds, ends):
    (jo,) = told("jo@customer.example")
    words = {
        "D": ReportKind.DELIVERED, "B": ReportKind.BOUNCED, "C": ReportKind.COMPLAINED, "W": ReportKind.DELAYED,
    }  # fmt: skip
    for letter in kinds:
        report(jo, words[letter])
    assert (state_of(jo), DeliveryReport.objects.count()) == (ends, len(kinds))


@pytest.mark.parametrize(
    ("state", "delivered", "bounced"),
    [
        ("queued", "queued", "queued"),
        ("accepted", "delivered", "bounced"),
        ("delivered", "delivered", "bounced"),
        ("bounced", "bounced", "bounced"),
        ("uncertain", "uncertain", "bounced"),
        ("failed", "failed", "failed"),
        ("suppressed", "suppressed", "suppressed"),
    ],
)
def test_take_report_leads_on_from_these_states_only(state, delivered, bounced):
    for kind, ends in ((ReportKind.DELIVERED, delivered), (ReportKind.BOUNCED, bounced)):
        (row,) = told(f"{kind}@customer.example", state=state)
        report(row, kind)
        assert state_of(row) == ends


@pytest.mark.parametrize("state", ["claimed", "started"])
def test_take_report_of_a_mail_that_is_still_in_a_workers_hands_comes_again(state):
    (jo,) = told("jo@customer.example", state=state)
    with pytest.raises(StillLeaving):
        report(jo, ReportKind.BOUNCED)
    assert (DeliveryReport.objects.count(), suppressed()) == (0, {})
    Delivery.objects.update(state="accepted")
    assert report(jo, ReportKind.BOUNCED).new
    assert state_of(jo) == "bounced"


def test_take_report_suppresses_a_mailbox_wherever_it_is_named_and_asks_each_account_once():
    jo, shared = told("jo@customer.example", "JO@Customer.example")
    make_contact(jo.contact_point.contact.account, email="Jo@customer.example")  # twice in one account
    make_contact(make_account(), email="other@customer.example")
    colleague = ContactPoint.objects.get(user=make_user())
    ContactPoint.objects.filter(pk=colleague.pk).update(address="jo@CUSTOMER.example")

    report(jo, ReportKind.BOUNCED)
    report(shared, ReportKind.BOUNCED)

    assert {address.lower() for address in suppressed()} == {"jo@customer.example"}
    assert ContactPoint.objects.exclude(suppressed_at=None).count() == 4
    accounts = [row.contact_point.contact.account_id for row in (jo, shared)]
    assert follow_ups() == [(account, "bounced", "jo@customer.example") for account in sorted(accounts)]


def test_take_report_keeps_an_earlier_reason_and_date():
    (jo,) = told("jo@customer.example")
    long_ago = utc(2020, 1, 1)
    ContactPoint.objects.filter(address=jo.contact_point.address).update(
        suppressed_at=long_ago, suppressed_reason="refused: no such user"
    )
    report(jo, ReportKind.COMPLAINED)
    point = ContactPoint.objects.get(pk=jo.contact_point_id)
    assert (point.suppressed_at, point.suppressed_reason) == (long_ago, "refused: no such user")
    assert len(follow_ups()) == 1


def test_take_report_of_what_was_seen_to_asks_again_only_after_a_new_suppression():
    jo, again, later = (told("jo@customer.example")[0] for _ in range(3))
    asked = FollowUp.objects.filter(account=jo.contact_point.contact.account)
    report(jo, ReportKind.BOUNCED)
    for entry in FollowUp.objects.all():
        assert finish_follow_up(follow_up_id=entry.pk, actor=make_user(is_superuser=True))
    report(again, ReportKind.BOUNCED)
    assert (asked.count(), asked.filter(done_at=None).count()) == (1, 0)
    ContactPoint.objects.update(suppressed_at=None)
    report(later, ReportKind.BOUNCED)
    assert (asked.count(), asked.filter(done_at=None).count()) == (2, 1)


def test_take_report_that_the_reader_unsubscribed_stops_incident_mail_and_asks_nobody():
    (jo,) = told("jo@customer.example")
    report(jo, ReportKind.UNSUBSCRIBED)
    point = ContactPoint.objects.get(pk=jo.contact_point_id)
    assert point.unsubscribed_at is not None
    assert (point.suppressed_at, follow_ups(), state_of(jo)) == (None, [], "accepted")


def test_take_report_follows_all_rows_that_shared_the_mail_and_no_other():
    first, shared, alone = (told("jo@customer.example")[0] for _ in range(3))
    (stranger,) = told("al@customer.example")
    Delivery.objects.filter(pk__in=[first.pk, shared.pk, stranger.pk]).update(bundle=first.pk)
    report(first, ReportKind.BOUNCED)
    assert [state_of(row) for row in (first, shared, alone)] == ["bounced", "bounced", "accepted"]
    assert state_of(stranger) == "accepted"  # another mailbox cannot have shared it


def test_take_report_of_a_row_that_was_shared_leads_to_its_mail():
    first, shared = (told("jo@customer.example")[0] for _ in range(2))
    Delivery.objects.filter(pk=shared.pk).update(bundle=first.pk)
    assert ledger_reports.apply(shared.pk, DeliveryState.DELIVERED) == 2


def test_take_report_of_a_delivery_whose_contact_was_erased():
    (jo,) = told("jo@customer.example")
    jo.contact_point.contact.delete()
    assert report(jo, ReportKind.BOUNCED).matched
    assert (state_of(jo), follow_ups()) == ("bounced", [])


def test_take_report_of_a_delivery_that_is_no_more():
    taken = take_report(
        source="mail", event="1", kind=ReportKind.BOUNCED, token=verp.token_of(987_654_321), address="", detail="",
        reported_at=None,
    )  # fmt: skip
    assert taken == Taken(ReportKind.BOUNCED, matched=False, new=True)
    assert DeliveryReport.objects.get().delivery == 987_654_321


def test_take_report_counts_by_reporter_and_number():
    (jo,) = told("jo@customer.example")
    assert report(jo, ReportKind.DELAYED, "1").new
    assert report(jo, ReportKind.DELAYED, "2").new
    assert report(jo, ReportKind.DELAYED, "1", source="mailgun").new
    assert not report(jo, ReportKind.DELAYED, "1").new


def test_take_report_keeps_what_the_database_can_hold_and_no_time_to_come():
    (jo,) = told("jo@customer.example")
    ahead = clock.now() + timedelta(days=3)
    report(jo, ReportKind.DELAYED, "e" * 999, detail="a\x00b\r\nc \ud800" + "x" * 999, reported_at=ahead)
    kept = DeliveryReport.objects.get()
    assert (len(kept.event), kept.detail[:8], len(kept.detail)) == (200, "ab c ?xx", 300)
    assert kept.reported_at == kept.received_at


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_take_report_eight_times_at_once_counts_once():
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo))
    taken = race(*[lambda: take_mail(raw)] * 8)
    assert sorted(taken, key=lambda t: t.new) == [Taken(ReportKind.BOUNCED, True, n == 7) for n in range(8)]
    assert (DeliveryReport.objects.count(), len(follow_ups()), len(suppressed())) == (1, 1, 1)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_take_report_of_different_events_at_once_asks_once_an_account():
    rows = [told("jo@customer.example")[0] for _ in range(4)]
    point = rows[0].contact_point
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(contact_point=point.pk)
    taken = race(*[lambda row=row: report(row, ReportKind.BOUNCED) for row in rows])
    assert taken == [Taken(ReportKind.BOUNCED, True, True)] * 4
    assert FollowUp.objects.filter(account=point.contact.account).count() == 1


def test_suppress_mailbox_of_a_number_for_sms_is_nobody():
    point = ContactPoint.objects.create(
        contact=make_contact(make_account()), kind="sms", address="+4915112345678"
    )  # fmt: skip
    assert suppressing.suppress_mailbox(point.pk, FollowUpReason.BOUNCED, "", now=clock.now()) == 0
    assert (suppressed(), follow_ups()) == ({}, [])
