import pytest

from comms.models import DeliveryReport, FollowUp
from customers import clock
from tests.customers.admin.support import client_of, url
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db


def report(event: str, delivery: int | None) -> DeliveryReport:
    now = clock.now()
    return DeliveryReport.objects.create(
        source="mail", event=event, kind="bounced", delivery=delivery, address=f"{event}@customer.example",
        reported_at=now, received_at=now,
    )  # fmt: skip


def listed(response) -> list[object]:
    return list(response.context["cl"].result_list)


def test_reports_are_listed_and_those_of_no_mail_of_ours_found(lead):
    ours, nobodys = report("ours", 7), report("nobodys", None)
    client = client_of(lead)
    page = url("comms.deliveryreport")
    assert listed(client.get(page)) == [nobodys, ours]
    assert listed(client.get(page, {"mail": "none"})) == [nobodys]
    assert listed(client.get(page, {"mail": "ours"})) == [ours]
    assert listed(client.get(page, {"q": "OURS@customer.example"})) == [ours]
    assert listed(client.get(page, {"q": "7"})) == [ours]
    assert client.get(url("comms.deliveryreport", "change", ours.pk)).status_code == 200


def test_follow_ups_are_listed_and_the_open_ones_found(lead):
    account, now = make_account(), clock.now()
    fields = {"account": account, "reason": "bounced", "raised_at": now}
    open_one = FollowUp.objects.create(subject="a@customer.example", **fields)
    done = FollowUp.objects.create(subject="b@customer.example", done_at=now, done_by=make_user(), **fields)
    client = client_of(lead)
    page = url("comms.followup")
    assert set(listed(client.get(page))) == {open_one, done}
    assert listed(client.get(page, {"state": "open"})) == [open_one]
    assert listed(client.get(page, {"state": "done"})) == [done]


def test_nobody_changes_what_was_reported(lead):
    superuser = make_user(is_superuser=True)
    kept = report("ours", 7)
    for user in (lead, superuser):
        client = client_of(user)
        assert client.get(url("comms.deliveryreport", "add")).status_code == 403
        assert client.post(url("comms.deliveryreport", "change", kept.pk), {"kind": "delivered"}).status_code == 403
        assert client.post(url("comms.deliveryreport", "delete", kept.pk), {"post": "yes"}).status_code == 403
    kept.refresh_from_db()
    assert kept.kind == "bounced"
