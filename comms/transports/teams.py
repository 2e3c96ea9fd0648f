"""Microsoft Teams: an adaptive card for a Workflows webhook, which the older incoming webhooks take as well."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from comms.transports.base import BeforePost, ChatPost, Outcome
from comms.transports.http import Answer, HttpSettings, Outbox, Request, by_status
from comms.transports.words import clip, safe_link

# Teams takes 28 kB a message. Every line costs a block of its own.
TITLE, TEXT, LINES = 200, 4000, 60
FAILED = re.compile(rb"returned HTTP error (\d{3})")
OURS = frozenset({400, 413, 415, 422})


class TeamsTransport:
    """Keeps the promises of `Transport`.

    404 and 410 are Rejected: the flow was removed. A card that is refused is an Alarm. All else is Retry, a flow
    that is switched off or wants another key too. A 200 that speaks of an error is that error: Teams' older
    webhooks answer so. A repeated post is shown twice.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._outbox: Outbox[ChatPost] = Outbox(settings, request=_request, judge=_judge)

    def send(self, posts: Sequence[ChatPost], *, before_data: BeforePost) -> Iterator[Outcome]:
        return self._outbox.send(posts, before_data=before_data)


def message(post: ChatPost) -> dict[str, Any]:
    """The JSON document. Raises ValueError at a link that is none."""
    title = clip(post.title, TITLE)
    body = [_words(title, size="Large", weight="Bolder")]
    if post.severity:
        body.append(_words(clip(post.severity, TITLE), weight="Bolder", color=post.tone.capitalize()))
    lines = [line for line in clip(post.text, TEXT).splitlines() if line.strip()]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], "…"]
    body += [_words(line) for line in lines]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": body,
    }
    if post.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": clip(post.link_label, 75), "url": safe_link(post.link)}]
    content_type = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": content_type, "contentUrl": None, "content": card}
    return {"type": "message", "summary": title, "attachments": [attachment]}


def _words(text: str, **style: str) -> dict[str, Any]:
    """A line as it is: a TextBlock would read Markdown in it, and show a link under another name."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _request(post: ChatPost) -> Request:
    body = json.dumps(message(post), ensure_ascii=False).encode()
    return Request(post.url, body, {"Content-Type": "application/json; charset=utf-8"})


def _judge(post: ChatPost, answer: Answer) -> Outcome:
    failed = FAILED.search(answer.body) if answer.code == 200 else None
    if failed:
        answer = Answer(int(failed[1]), answer.reason, answer.body, answer.retry_after)
    elif answer.code == 400 and b"WorkflowTriggerIsNotEnabled" in answer.body:
        return answer.retry(post)  # switched off: its owner may switch it on again
    return by_status(post, answer, rejected=frozenset({404, 410}), alarm=OURS)
