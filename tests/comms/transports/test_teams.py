import json
from dataclasses import replace
from typing import Any

import pytest

from comms.transports.base import Accepted, Alarm, ChatPost, Rejected, Retry
from comms.transports.http import HttpSettings
from comms.transports.teams import TeamsTransport, message
from tests.comms.transports.receiver import Receiver, outcomes, reply

POST = ChatPost(
    delivery_id=1,
    attempt=2,
    url="",
    title="Payments delayed",
    text="Card payments wait.\n\n[click](https://evil.example) & <b>more</b>",
    link="https://status.example/incidents/7",
    severity="Severity 3 – significant outage",
    tone="warning",
)
FAILED = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {} with ContextId x"


def send(receiver: Receiver, post: ChatPost = POST) -> Any:
    transport = TeamsTransport(HttpSettings(allowed=receiver.allowed))
    return outcomes(transport, [replace(post, url=receiver.url())])[1]


def words(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def test_post_is_an_adaptive_card_in_a_message():
    with Receiver(reply(202)) as receiver:
        assert send(receiver) == Accepted(1, 2, 202, "Reason")
    [request] = receiver.requests
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.json == {
        "type": "message",
        "summary": "Payments delayed",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "fallbackText": "Payments delayed",
                    "msteams": {"width": "Full"},
                    "body": [
                        words("Payments delayed", size="Large", weight="Bolder"),
                        words("Severity 3 – significant outage", weight="Bolder", color="Warning"),
                        words("Card payments wait."),
                        words("[click](https://evil.example) & <b>more</b>"),
                    ],
                    "actions": [
                        {"type": "Action.OpenUrl", "title": "Details", "url": "https://status.example/incidents/7"}
                    ],
                },
            }
        ],
    }


def test_without_link_and_severity_there_is_neither():
    card = message(replace(POST, link="", severity=""))["attachments"][0]["content"]
    assert "actions" not in card
    assert len(card["body"]) == 3


@pytest.mark.parametrize("text", ["ü" * 50_000, "a\n" * 50_000, "😀" * 50_000, '"' * 50_000])
def test_longest_message_is_one_that_teams_takes(text):
    post = replace(POST, title=text, text=text, severity=text, link_label=text)
    assert len(json.dumps(message(post), ensure_ascii=False).encode()) < 28_000


def test_link_that_is_none_is_an_alarm():
    with Receiver() as receiver:
        outcome = send(receiver, replace(POST, link="javascript:alert(1)"))
        assert outcome == Alarm(1, 2, None, "the link is not an http or https URL")
        assert receiver.connections == 0


@pytest.mark.parametrize(
    ("code", "said", "kind", "judged"),
    [
        (200, "1", Accepted, 200),
        (202, "", Accepted, 202),
        (200, FAILED.format(429), Retry, 429),
        (200, FAILED.format(500), Retry, 500),
        (200, FAILED.format(404), Rejected, 404),
        (200, FAILED.format(413), Alarm, 413),
        (404, "WorkflowNotFound", Rejected, 404),
        (410, "", Rejected, 410),
        (400, '{"error":{"code":"WorkflowTriggerIsNotEnabled"}}', Retry, 400),
        (400, '{"error":{"code":"TriggerInputSchemaMismatch"}}', Alarm, 400),
        (401, "DirectApiAuthorizationRequired", Retry, 401),
        (502, "", Retry, 502),
    ],
)
def test_replies_are_told_apart(code, said, kind, judged):
    with Receiver(reply(code, said)) as receiver:
        outcome = send(receiver)
    assert type(outcome) is kind
    assert outcome.code == judged
    assert said in outcome.reply


def test_rate_limit_says_when_to_come_back():
    with Receiver(reply(429, "", Retry_After="5")) as receiver:
        assert send(receiver) == Retry(1, 2, 429, "Reason", retry_after=5.0)
