"""What the viewer has said of an incident, with the answers that he got (F4, F5)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from comms.choices import VoiceKind
from comms.models import Answer, Feedback, Incident, Voice
from customers.choices import Tier
from customers.models import Contact
from portal.access import Viewer, feedback_for, voices_for


@dataclass(frozen=True)
class Thread:
    """What was answered together, or waits alone; the newest first."""

    voices: tuple[Voice, ...]
    answer: Answer | None


@dataclass(frozen=True)
class Said:
    """`offers`: what he may say now. `direct`: his questions go to the incident's lead."""

    incident: Incident
    threads: Sequence[Thread]
    offers: frozenset[str]
    direct: bool
    feedback: Feedback | None
    verdict: Voice | None
    """Whether it is fixed for him, as he said last."""

    @property
    def request_id(self) -> UUID:
        """For the next click; the same click twice is one."""
        return uuid4()

    @property
    def waits(self) -> bool:
        """Something of his is not answered yet, so an answer may come while he looks."""
        return any(thread.answer is None for thread in self.threads)


def said_of(viewer: Viewer, incident: Incident, account_ids: Collection[int]) -> Said:
    """Two queries. `account_ids`: those of his accounts that the incident touches."""
    mine = voices_for(viewer).filter(incident=incident).select_related("answer__author", "service")
    voices = list(mine.order_by("-said_at", "-pk"))
    speaker = speaker_of(viewer, account_ids)
    verdicts = [voice for voice in voices if voice.kind in (VoiceKind.FIXED, VoiceKind.NOT_FIXED)]
    return Said(
        incident=incident,
        threads=threads_of(voices),
        offers=offers_of(incident, {voice.kind for voice in voices}) if speaker else frozenset(),
        direct=speaker is not None and speaks_directly(speaker),
        feedback=feedback_for(viewer).filter(incident=incident).first(),
        verdict=verdicts[0] if verdicts else None,
    )


def offers_of(incident: Incident, said: Collection[str]) -> frozenset[str]:
    """While it is open that he sees it too; after it whether it is fixed; each once. Words are welcome at any time."""
    once = (VoiceKind.ME_TOO,) if incident.is_open else (VoiceKind.FIXED, VoiceKind.NOT_FIXED)
    return frozenset({VoiceKind.SOMETHING_ELSE.value, VoiceKind.QUESTION.value} | {k.value for k in once} - set(said))


def speaker_of(viewer: Viewer, account_ids: Collection[int]) -> Contact | None:
    """As whom a person of several accounts speaks: for the one of these that is hit hardest."""
    contacts = [contact for contact in viewer.contacts if contact.account_id in account_ids]
    return min(contacts, key=lambda contact: contact.account.tier or len(Tier) + 1, default=None)


def speaks_directly(contact: Contact) -> bool:
    return contact.account.tier == Tier.ONE


def threads_of(voices: Iterable[Voice]) -> list[Thread]:
    """In the order of their newest voice; an answer to several of them is shown once."""
    together: dict[tuple[str, int], list[Voice]] = {}
    for voice in voices:
        key = ("answer", voice.answer_id) if voice.answer_id is not None else ("voice", voice.pk)
        together.setdefault(key, []).append(voice)
    return [Thread(tuple(group), group[0].answer) for group in together.values()]
