"""Frames of updates, viewer-free, rendered once per process whoever reads them."""

import json
from collections import OrderedDict
from datetime import UTC

from django.template.loader import render_to_string
from django.utils import timezone, translation

from comms.choices import Variant
from comms.models import Message
from customers.choices import Language, Track
from portal import access

FRAMES_MAX = 2000  # of all incidents together; some kB each


def render_frame(message: Message) -> str:
    """An update as the client takes it: times in UTC as `<time datetime>`, words in the message's language."""
    assert message.update is not None  # noqa: S101  Fragments asks for updates only
    with translation.override(message.language), timezone.override(UTC):
        html = render_to_string("customer/_update.html", {"message": message})
    frame = {
        "type": "update",
        "incident": message.incident_id,
        "variant": message.variant,
        "sequence": message.sequence,
        "status": message.update.status,
        "severity": message.update.severity,
        "html": html,
    }
    return json.dumps(frame, ensure_ascii=False)


class _Kept:
    """An incident's frames from its first update on: messages never change, so this only grows."""

    def __init__(self) -> None:
        self.last_id = 0
        self.frames: dict[tuple[str, int], dict[str, str]] = {}  # (variant, sequence) -> language -> frame


class Fragments:
    """The frames of the incidents that were last asked for. Used by one thread at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def refresh(self, incident_id: int) -> None:
        """Load and render what was published since the last call: one query."""
        kept = self._kept.setdefault(incident_id, _Kept())
        self._kept.move_to_end(incident_id)
        # Publishing holds the incident's lock, so an incident's messages are committed in the order of their ids.
        messages = Message.objects.filter(
            incident=incident_id, update__isnull=False, variant__in=Track.values, pk__gt=kept.last_id
        )
        for message in access.with_other(messages).select_related("update").defer("text").order_by("pk"):
            assert message.sequence is not None  # noqa: S101  updates are numbered
            of_languages = kept.frames.setdefault((message.variant, message.sequence), {})
            of_languages[message.language] = render_frame(message)
            kept.last_id = message.pk
        while len(self._kept) > 1 and sum(len(k.frames) for k in self._kept.values()) > FRAMES_MAX:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, incident_id: int, variant: Variant, language: str) -> list[str]:
        """All frames of a track, 1 to the last; one not written in this language in English, else in any (D8)."""
        by_sequence = sorted(
            (key[1], texts) for key, texts in self._kept[incident_id].frames.items() if key[0] == variant
        )
        return [texts.get(language) or texts.get(Language.ENGLISH) or texts[min(texts)] for _, texts in by_sequence]
