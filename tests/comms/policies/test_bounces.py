"""What mails that came back say, as Postfix, Exchange, Gmail and a feedback loop write them (RFC 3464, 5965)."""

import pytest

from comms.choices import ReportKind
from comms.policies.bounces import AutoReply, MailReport, NotAReport, read_report
from tests.comms.bounces import sample
from tests.factories import utc

TO = "bounces+7.abc@portal.example"


def test_read_report_of_postfix():
    assert read_report(sample("postfix", TO)) == MailReport(
        kind=ReportKind.BOUNCED,
        about_address=True,
        address="jo@customer.example",
        detail="550 5.1.1 <jo@customer.example>: Recipient address rejected: User unknown",
        message_id="<20261114081244.4C1F02A0042@mx.portal.example>",
        sent_to=(TO,),
        reported_at=utc(2026, 11, 14, 8, 12, 44),
    )


def test_read_report_of_exchange():
    assert read_report(sample("exchange", TO)) == MailReport(
        kind=ReportKind.BOUNCED,
        about_address=True,
        address="jo@customer.example",
        detail="550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient jo@customer.example not found by SMTP address "
        "lookup",
        message_id="<8c1c38ae-7a54-4e23-9d49-3a9a0c7a7f11@EUR05.prod.outlook.example>",
        sent_to=(TO,),
        reported_at=utc(2026, 11, 14, 8, 13, 59),
    )


def test_read_report_of_gmail_that_it_waits():
    assert read_report(sample("gmail", TO)) == MailReport(
        kind=ReportKind.DELAYED,
        about_address=False,
        address="jo@customer.example",
        detail="The recipient server did not accept our requests to connect.",
        message_id="<6736b0c5.050a0220.1c3a5e.0b7d.GMR@mx.google.example>",
        sent_to=(TO, TO),
        reported_at=utc(2026, 11, 14, 8, 20, 37),
    )


def test_read_report_of_a_complaint_finds_our_envelope_sender():
    assert read_report(sample("complaint", TO)) == MailReport(
        kind=ReportKind.COMPLAINED,
        about_address=True,
        address="jo@customer.example",
        detail="abuse, reported by mx.provider.example",
        message_id="<arf-77130@provider.example>",
        sent_to=("abuse@portal.example", TO),
        reported_at=utc(2026, 11, 14, 12, 0),
    )


@pytest.mark.parametrize(
    ("status", "said", "about_address"),
    [
        ("5.1.1", "550 no", True),
        ("5.2.1", "550 disabled", True),
        ("5.4.4", "no such host", True),
        ("5.0.0", "550 5.1.1 unknown user", True),
        ("5.0.0", "550 go away", True),
        ("5.0.0", "554 5.7.1 spam", False),
        ("5.7.1", "554 looks like spam", False),
        ("5.6.0", "554 cannot read it", False),
        ("5.2.2", "552 the mailbox is full", False),
        ("5.3.4", "552 too big", False),
        ("4.4.1", "gave up after five days", False),
        ("", "550 no", False),
        ("nonsense", "", False),
    ],
)
def test_read_report_tells_a_dead_address_from_a_mail_that_was_not_liked(status, said, about_address):
    raw = sample("postfix", TO, **{"Status: 5.1.1": f"Status: {status}"})
    raw = raw.replace(
        b"550 5.1.1 <jo@customer.example>: Recipient address\r\n    rejected: User unknown\r\n\r\n--",
        said.encode() + b"\r\n\r\n--",
    )
    report = read_report(raw)
    assert (report.kind, report.about_address) == (ReportKind.BOUNCED, about_address)


def test_read_report_of_several_recipients_takes_the_mildest_word():
    more = b"Action: failed\r\nStatus: 5.1.1\r\n\r\nFinal-Recipient: rfc822; other@x.example\r\nAction: delivered\r\n"
    report = read_report(sample("postfix", TO).replace(b"Action: failed\r\n", more))
    assert (report.kind, report.about_address, report.address) == (ReportKind.DELIVERED, False, "other@x.example")


def test_read_report_leaves_automatic_replies_out():
    with pytest.raises(AutoReply, match="automatic reply"):
        read_report(sample("out_of_office", TO))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff" * 1000,
        sample("letter", TO),
        sample("complaint", TO, **{"Feedback-Type: abuse": "Feedback-Type: not-spam"}),
        sample("complaint", TO, **{"Feedback-Type: abuse": "X: y"}),
        sample("postfix", TO, **{"Action: failed": "Action: relayed"}),
        sample("postfix", TO, **{"Action: failed": "X: y"}),
        b"Content-Type: message/delivery-status\r\n\r\n",
        b"Content-Type: message/feedback-report\r\n\r\n",
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)),
    ],
)
def test_read_report_of_what_reports_nothing_is_refused(raw):
    with pytest.raises(NotAReport):
        read_report(raw)


def test_read_report_of_a_mail_that_was_cut_off_behind_the_status():
    raw = sample("postfix", TO)
    assert read_report(raw[: raw.index(b"Undelivered Message Headers")]).kind == ReportKind.BOUNCED


@pytest.mark.parametrize("date", ["yesterday", "Sat, 99 Nov 2026 09:12:44 +0100", ""])
def test_read_report_without_a_time_that_can_be_read(date):
    raw = sample("postfix", TO, **{"Date: Sat, 14 Nov 2026 09:12:44 +0100 (CET)\nFrom": f"Date: {date}\nFrom"})
    assert read_report(raw).reported_at is None
