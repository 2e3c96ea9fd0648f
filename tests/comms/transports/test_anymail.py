"""Mail through a provider's HTTP interface, against a real receiver that speaks like Postmark and Mailgun."""

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest
from django.core.mail import get_connection

from comms.transports.anymail import AnymailTransport
from comms.transports.base import Accepted, Alarm, Envelope, Outcome, Rejected, Retry, Uncertain
from tests.comms.support import MORNING
from tests.comms.transports.receiver import Receiver, close, hang, outcomes, raw, reply

TAKEN = {
    "To": "jo@customer.example", "SubmittedAt": "2026-11-14T08:00:00Z", "MessageID": "b7bc2f4a", "ErrorCode": 0,
    "Message": "OK",
}  # fmt: skip
INACTIVE = {
    "ErrorCode": 406,
    "Message": "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: "
    "jo@customer.example. Inactive recipients are ones that have generated a hard bounce.",
}
INVALID = {"ErrorCode": 300, "Message": "Invalid 'To' address: 'jo@customer.example'."}
SENDER = {"ErrorCode": 400, "Message": "The 'From' address you supplied is not a Sender Signature on your account."}


def mail(**changes: str) -> bytes:
    made = EmailMessage()
    headers = {
        "From": "Your Company <status@your-company.example>",
        "To": "Jörg Jensen <jo@customer.example>",
        "Subject": "[INC-7] Databases are slöw",
        "Date": format_datetime(MORNING),
        "Message-ID": "<0e8a7c3b.7@portal.example>",
        "In-Reply-To": "<incident-7.7@portal.example>",
        "References": "<incident-7.7@portal.example>",
        "Reply-To": "Support <help@your-company.example>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Unsubscribe": "<https://portal.example/unsubscribe/7:x/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    for name, value in (headers | changes).items():
        made[name] = value
    made.set_content("Your site may be slöw.\n")
    made.add_alternative("<p>Your site may be slöw.</p>\n", subtype="html")
    return made.as_bytes(policy=made.policy.clone(linesep="\r\n"))


def envelope(number: int = 1, payload: bytes | None = None) -> Envelope:
    return Envelope(number, 2, "status@your-company.example", "jo@customer.example", payload or mail())


@pytest.fixture
def postmark(settings):
    """A transport to a Postmark that answers at this address, impatient."""

    def connect(receiver: Receiver | str, **options: Any) -> AnymailTransport:
        url = receiver if isinstance(receiver, str) else receiver.url("/")
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "key", "POSTMARK_API_URL": url} | options
        backend = "anymail.backends.postmark.EmailBackend"
        return AnymailTransport(lambda: get_connection(backend, timeout=0.3), token_of=lambda pk: f"{pk}.signed")

    return connect


def send(transport: AnymailTransport, *envelopes: Envelope) -> list[Outcome]:
    found = outcomes(transport, envelopes or [envelope()])
    return [found[number] for number in sorted(found)]


def test_send_posts_the_mail_as_it_was_written_with_the_token_of_its_delivery(postmark):
    with Receiver(reply(200, TAKEN)) as receiver:
        [outcome] = send(postmark(receiver))
    assert outcome == Accepted(1, 2, 200, "sent b7bc2f4a")
    [request] = receiver.requests
    assert request.headers["x-postmark-server-token"] == "key"
    posted = request.json
    headers = {header["Name"]: header["Value"] for header in posted.pop("Headers")}
    assert posted == {
        "From": "Your Company <status@your-company.example>",
        "To": "Jörg Jensen <jo@customer.example>",
        "ReplyTo": "Support <help@your-company.example>",
        "Subject": "[INC-7] Databases are slöw",
        "TextBody": "Your site may be slöw.\n",
        "HtmlBody": "<p>Your site may be slöw.</p>\n",
        "Metadata": {"delivery": "1.signed"},
    }
    assert headers == {
        "Message-ID": "<0e8a7c3b.7@portal.example>",
        "In-Reply-To": "<incident-7.7@portal.example>",
        "References": "<incident-7.7@portal.example>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Unsubscribe": "<https://portal.example/unsubscribe/7:x/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_send_by_another_provider(settings):
    with Receiver(reply(200, {"id": "<x@portal.example>", "message": "Queued. Thank you."})) as receiver:
        settings.ANYMAIL = {"MAILGUN_API_KEY": "key", "MAILGUN_API_URL": receiver.url("/v3")}
        backend = "anymail.backends.mailgun.EmailBackend"
        transport = AnymailTransport(lambda: get_connection(backend, timeout=1), token_of=lambda pk: f"{pk}.signed")
        [outcome] = send(transport)
    assert outcome == Accepted(1, 2, 200, "queued <x@portal.example>")
    [request] = receiver.requests
    assert request.line == "POST /v3/your-company.example/messages HTTP/1.1"
    assert request.form["v:delivery"] == ["1.signed"]
    assert request.form["h:Message-Id"] == ["<0e8a7c3b.7@portal.example>"]
    assert request.form["h:List-Unsubscribe-Post"] == ["List-Unsubscribe=One-Click"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (422, INACTIVE, Rejected, 422),
        (422, INVALID, Rejected, 422),
        (422, SENDER, Alarm, 422),
        (422, {"ErrorCode": 406, "Message": "Whatever they may call it next year."}, Alarm, 422),
        (401, {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied."}, Alarm, 401),
        (403, "no", Alarm, 403),
        (404, "no", Alarm, 404),
        (302, "elsewhere", Alarm, 302),
        (408, "late", Retry, 408),
        (429, "slowly", Retry, 429),
        (500, "broken", Retry, 500),
        (503, "away", Retry, 503),
    ],
)
def test_send_tells_the_refusals_apart(postmark, status, body, kind, code):
    with Receiver(reply(status, body)) as receiver:
        [outcome] = send(postmark(receiver))
    assert (type(outcome), outcome.code) == (kind, code)
    assert not getattr(outcome, "relay_down", False)


def test_send_comes_again_when_the_provider_asks_for_it(postmark):
    with Receiver(reply(429, "slowly", Retry_After="37")) as receiver:
        [outcome] = send(postmark(receiver))
    assert (outcome.code, outcome.retry_after) == (429, 37.0)


@pytest.mark.parametrize("behaviour", [close, hang, raw(b"HTTP/1.1 200 OK\r\n\r\nnonsense"), raw(b"\x00\x01")])
def test_send_without_an_answer_that_can_be_read_is_uncertain(postmark, behaviour):
    with Receiver(behaviour) as receiver:
        [outcome] = send(postmark(receiver))
        assert isinstance(outcome, Uncertain)
        assert len(receiver.requests) == 1


def test_send_where_nobody_answers_offers_no_second_mail(postmark):
    with Receiver() as gone:
        pass
    marked: list[int] = []
    transport = postmark(gone)
    found = list(
        transport.send(
            [envelope(n) for n in (1, 2, 3)], before_data=lambda coming: marked.extend(e.delivery_id for e in coming)
        )
    )
    assert [(type(outcome), outcome.delivery_id, outcome.relay_down) for outcome in found] == [
        (Retry, n, True) for n in (1, 2, 3)
    ]
    assert marked == [1]


def test_send_to_a_certificate_that_nobody_vouches_for_sends_nothing(postmark, authority):
    with Receiver(tls=authority.server) as receiver:
        [outcome] = send(postmark(receiver.url("/", scheme="https")))
        assert (type(outcome), outcome.relay_down) == (Retry, True)
        assert receiver.requests == []


def test_send_names_a_host_that_there_is_not(postmark):
    [outcome] = send(postmark("http://nobody.invalid/"))
    assert (type(outcome), outcome.relay_down) == (Retry, True)


def test_send_writes_each_down_before_its_request_and_gives_its_outcome_before_the_next(postmark):
    seen: list[object] = []
    with Receiver(reply(200, TAKEN)) as receiver:
        given = postmark(receiver).send(
            [envelope(n) for n in (1, 2)],
            before_data=lambda coming: seen.append(([e.delivery_id for e in coming], len(receiver.requests))),
        )
        for outcome in given:
            seen.append(outcome.delivery_id)
    assert seen == [([1], 0), 1, ([2], 1), 2]


def test_send_nothing_when_it_cannot_be_written_down(postmark):
    def refuse(coming: object) -> None:
        raise RuntimeError("the row was taken")

    with Receiver(reply(200, TAKEN)) as receiver:
        with pytest.raises(RuntimeError, match="the row was taken"):
            list(postmark(receiver).send([envelope()], before_data=refuse))
        assert receiver.connections == 0


def test_send_without_a_key_alarms_for_all_and_asks_nobody(settings):
    settings.ANYMAIL = {}
    backend = "anymail.backends.postmark.EmailBackend"
    transport = AnymailTransport(lambda: get_connection(backend), token_of=str)
    found = send(transport, envelope(1), envelope(2))
    assert [(type(outcome), "SERVER_TOKEN" in outcome.reply) for outcome in found] == [(Alarm, True), (Alarm, True)]


def test_send_refuses_a_mail_of_which_a_part_would_get_lost(postmark):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@x.example", "jo@customer.example", "x"
    made.set_content("x")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf")
    with Receiver(reply(200, TAKEN)) as receiver:
        [outcome] = send(postmark(receiver), envelope(payload=made.as_bytes()))
        assert (type(outcome), receiver.connections) == (Alarm, 0)
    assert "application/pdf" in outcome.reply


def test_send_what_this_provider_cannot_do_is_our_mistake(postmark):
    with Receiver(reply(200, TAKEN)) as receiver:
        [outcome] = send(postmark(receiver, SEND_DEFAULTS={"tags": ["one", "two"]}))
        assert (type(outcome), receiver.connections) == (Alarm, 0)
