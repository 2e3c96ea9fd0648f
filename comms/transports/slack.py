"""Slack-compatible incoming webhooks: Slack shows the blocks, Mattermost and Rocket.Chat the text."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from comms.transports.base import BeforePost, ChatPost, Outcome, Tone
from comms.transports.http import Answer, HttpSettings, Outbox, Request, by_status
from comms.transports.words import clip, safe_link

EMOJI: dict[Tone, str] = {
    "attention": ":red_circle:",
    "warning": ":warning:",
    "good": ":white_check_mark:",
    "default": ":information_source:",
}
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # the only ones that Slack knows
TITLE, SECTION = 150, 3000  # characters that Slack takes, escapes counted
GONE = ("no_service", "no_active_hooks", "no_team", "team_disabled", "invalid_token", "channel_is_archived")
OURS = frozenset({400, 413, 415, 422})


class SlackTransport:
    """Keeps the promises of `Transport`.

    404, 410 and Slack's words for a webhook that is no more are Rejected; a payload that is refused is an Alarm;
    all else, a channel that is closed by an administrator too, is Retry. A repeated post is shown twice.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._outbox: Outbox[ChatPost] = Outbox(settings, request=_request, judge=_judge)

    def send(self, posts: Sequence[ChatPost], *, before_data: BeforePost) -> Iterator[Outcome]:
        return self._outbox.send(posts, before_data=before_data)


def escape(text: str, limit: int) -> str:
    """Escaped as Slack asks, at most `limit` characters, cut between characters and never inside an escape."""
    return clip([ESCAPES.get(character, character) for character in text], limit)


def message(post: ChatPost) -> dict[str, Any]:
    """The JSON document. Raises ValueError at a link that is none."""
    state = f"{EMOJI[post.tone]} {escape(post.severity, 200)}" if post.severity else ""
    link = f"<{_in_link(safe_link(post.link))}|{escape(post.link_label, 75)}>" if post.link else ""
    text = escape(post.text, SECTION)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": escape(post.title, TITLE), "emoji": False}}
    ]
    if state:
        blocks.append({"type": "context", "elements": [_marked(state)]})
    blocks += [{"type": "section", "text": _marked(part)} for part in (text, link) if part]
    lines = [escape(post.title, TITLE), state, text, link]
    return {"text": "\n".join(line for line in lines if line), "blocks": blocks}


def _marked(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: no names turned into mentions


def _in_link(url: str) -> str:
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _request(post: ChatPost) -> Request:
    body = json.dumps(message(post), ensure_ascii=False).encode()
    return Request(post.url, body, {"Content-Type": "application/json; charset=utf-8"})


def _judge(post: ChatPost, answer: Answer) -> Outcome:
    if answer.code >= 400 and answer.text in GONE:
        return answer.rejected(post)
    return by_status(post, answer, rejected=frozenset({404, 410}), alarm=OURS)
