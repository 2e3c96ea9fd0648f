from dataclasses import replace
from typing import Any

import pytest

from comms.transports.base import Accepted, Alarm, ChatPost, Rejected, Retry
from comms.transports.http import HttpSettings
from comms.transports.slack import SlackTransport, escape, message
from tests.comms.transports.receiver import Receiver, close, outcomes, reply

POST = ChatPost(
    delivery_id=1,
    attempt=2,
    url="",
    title="Payments <delayed> & queued",
    text="Card payments wait.\n<!channel> *not bold* & more",
    link="https://status.example/incidents/7?a=1&b=2",
    link_label="Incident <7>",
    severity="Severity 4 – severe outage",
    tone="attention",
)


def send(receiver: Receiver, post: ChatPost = POST) -> Any:
    transport = SlackTransport(HttpSettings(allowed=receiver.allowed))
    return outcomes(transport, [replace(post, url=receiver.url())])[1]


def test_post_has_blocks_and_a_text_for_those_who_show_none():
    with Receiver(reply(200, "ok")) as receiver:
        assert send(receiver) == Accepted(1, 2, 200, "ok")
    [request] = receiver.requests
    title = "Payments &lt;delayed&gt; &amp; queued"
    state = ":red_circle: Severity 4 – severe outage"
    text = "Card payments wait.\n&lt;!channel&gt; *not bold* &amp; more"
    link = "<https://status.example/incidents/7?a=1&amp;b=2|Incident &lt;7&gt;>"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.json == {
        "text": f"{title}\n{state}\n{text}\n{link}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": state, "verbatim": True}]},
            {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}},
            {"type": "section", "text": {"type": "mrkdwn", "text": link, "verbatim": True}},
        ],
    }


def test_what_is_empty_has_no_block():
    bare = replace(POST, text="", link="", severity="")
    assert [block["type"] for block in message(bare)["blocks"]] == ["header"]
    assert message(bare)["text"] == "Payments &lt;delayed&gt; &amp; queued"


@pytest.mark.parametrize(("tone", "mark"), [("warning", ":warning:"), ("good", ":white_check_mark:")])
def test_tone_is_a_mark_beside_the_words(tone, mark):
    assert f"{mark} Severity 4" in message(replace(POST, tone=tone))["text"]


def test_long_words_are_cut_to_what_slack_takes():
    blocks = message(replace(POST, title="&" * 200, text="<" * 4000, severity="s" * 4000))["blocks"]
    assert blocks[0]["text"]["text"] == "&amp;" * 29 + "…"
    assert blocks[1]["elements"][0]["text"] == ":red_circle: " + "s" * 199 + "…"
    assert blocks[2]["text"]["text"] == "&lt;" * 749 + "…"


@pytest.mark.parametrize(
    ("text", "limit", "escaped"),
    [("a&b", 7, "a&amp;b"), ("a&b", 6, "a…"), ("", 5, ""), ("abcde", 5, "abcde"), ("ab cde", 4, "ab…")],
)
def test_escape_never_cuts_an_escape(text, limit, escaped):
    assert escape(text, limit) == escaped


def test_link_cannot_end_its_brackets():
    assert (
        "<https://a.example/%3E%7C%3C|Details>"
        in message(ChatPost(1, 1, "", "title", "", "https://a.example/>|<"))["text"]
    )


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://", "https://a b", "ftp://a", "https://a\n"])
def test_link_that_is_none_is_an_alarm(link):
    with Receiver() as receiver:
        assert send(receiver, replace(POST, link=link)) == Alarm(1, 2, None, "the link is not an http or https URL")
        assert receiver.connections == 0


@pytest.mark.parametrize(
    ("code", "word", "kind"),
    [
        (200, "ok", Accepted),
        (200, '{"success":true}', Accepted),
        (404, "no_service", Rejected),
        (410, "channel_is_archived", Rejected),
        (404, "channel_not_found", Rejected),
        (403, "invalid_token", Rejected),
        (400, "no_team", Rejected),
        (403, "action_prohibited", Retry),
        (400, "invalid_payload", Alarm),
        (413, "", Alarm),
        (500, "rollup_error", Retry),
        (302, "", Retry),
    ],
)
def test_replies_are_told_apart(code, word, kind):
    with Receiver(reply(code, word)) as receiver:
        outcome = send(receiver)
    assert type(outcome) is kind
    assert outcome.code == code
    assert word in outcome.reply


def test_rate_limit_says_when_to_come_back():
    with Receiver(reply(429, "rate_limited", Retry_After="30")) as receiver:
        assert send(receiver) == Retry(1, 2, 429, "rate_limited", retry_after=30.0)


def test_reason_names_no_secret_of_the_url():
    with Receiver(close) as receiver:
        transport = SlackTransport(HttpSettings(allowed=receiver.allowed))
        [outcome] = outcomes(transport, [replace(POST, url=receiver.url("/services/T0/B0/token"))]).values()
    assert "token" not in repr(outcome)
    assert "token" not in repr(replace(POST, url="https://hooks.example/token"))
