"""Technical or business: what a ticket or an onboarding answer tells about its author (B1-B5).

Every piece of evidence names its rule, its weight and the words it rests on (B4). The rules themselves
are in `signal_rules`; this file reads, weighs and decides.
"""

import html
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from customers.choices import Track, TrackSource
from customers.policies.signal_rules import (
    ANSWER_RULES,
    ANSWERED_SUBJECT,
    FORWARDED_SUBJECT,
    RULES,
    TICK_RULES,
    Rule,
)

HALF_LIFE = timedelta(days=180)  # B4: old signals fade
DOUBT = 1.0  # weight of not knowing: one weak signal is not enough to be sure
SURE = 0.5  # B5: a confidence below this is unsure
EXCERPT = 80  # characters
SUBJECT_AT_MOST = 500  # characters
READ_AT_MOST = 20_000  # characters of a ticket; what follows is an attachment by another name

HTML_TAGS = (
    "a|abbr|article|b|big|blockquote|body|br|center|code|col|colgroup|dd|div|dl|dt|em|font|footer|h[1-6]|head"
    "|header|hr|html|i|img|label|li|link|meta|ol|o:p|p|pre|s|section|small|span|strike|strong|style|sub|sup"
    "|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul"
)
# Bounded by the next angle bracket: no text makes them slow. Only known tags: <module> of a trace stays.
SILENT = re.compile(r"<(style|script|title)\b[^<>]*>[^<]*</\1\s*>|<!--[^<]*?-->|<!\w[^<>]*>", re.IGNORECASE)
QUOTE_TAG = re.compile(r"<(/?)blockquote\b[^<>]*>", re.IGNORECASE)
LINE_TAG = re.compile(r"</?(?:br|p|div|li|tr|h[1-6]|pre|table|hr)\b[^<>]*>", re.IGNORECASE)
ANY_TAG = re.compile(rf"</?(?:{HTML_TAGS})\b[^<>]*>", re.IGNORECASE)
ORIGINAL = re.compile(
    r"\s*-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht)\b",
    re.IGNORECASE,
)
TYPED = str.maketrans({"\u00a0": " ", "\u2019": "'"})  # as the rules spell them
YES = frozenset({"true", "yes", "y", "on", "1", "ja", "oui", "sí", "si"})


@dataclass(frozen=True)
class Evidence:
    """One signal: the rule that spoke, for which track, how loudly, on which words. Raises ValueError
    for a weight that is not positive and for an instant without a zone."""

    rule: str
    track: Track
    weight: float
    excerpt: str
    observed_at: datetime

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"The weight of a signal must be above 0, not {self.weight}.")
        if self.observed_at.utcoffset() is None:
            raise ValueError(f"A signal needs an instant with a zone, not {self.observed_at}.")


@dataclass(frozen=True)
class Verdict:
    """`track` None: unsure, which the caller treats as business (B5). `score`: faded weights, technical
    minus business. `confidence`: 0 to below 1. `evidence`: strongest first."""

    track: Track | None
    score: float
    confidence: float
    evidence: tuple[Evidence, ...]


def read_ticket(subject: str, body: str, opened_at: datetime) -> list[Evidence]:
    """The signals in a ticket, at most one of each rule, in the order of RULES.

    Only the author's own words count: quoted lines, the signature and what follows a reply's or
    forward's divider do not; of a forwarded ticket neither the subject nor anything that looks copied.
    """
    forwarded = FORWARDED_SUBJECT.match(subject) is not None
    title = "" if forwarded or ANSWERED_SUBJECT.match(subject) else own_words(subject[:SUBJECT_AT_MOST])
    text = f"{title}\n{own_words(body[:READ_AT_MOST])}".strip()
    found = []
    for rule in RULES:
        if forwarded and rule.copied:
            continue
        if span := rule.find(text):
            found.append(_evidence(rule, excerpt(text, *span), opened_at))
    return found


def read_onboarding(answers: Mapping[str, object], at: datetime) -> list[Evidence]:
    """The signals in onboarding answers, at most one of each rule; the order of the answers does not matter.

    A ticked box counts by its name, a text (or a list of texts) by its words.
    """
    found: dict[str, Evidence] = {}
    for name, answer in sorted(answers.items()):
        if _ticked(answer):
            for rule in TICK_RULES:
                if rule.find(name.replace("_", " ")):
                    found.setdefault(rule.name, _evidence(rule, excerpt(f"{name}: yes", 0, EXCERPT), at))
            continue
        text = _text_of(answer)
        for rule in ANSWER_RULES:
            if span := rule.find(text):
                found.setdefault(rule.name, _evidence(rule, excerpt(text, *span), at))
    return list(found.values())


def verdict(evidence: Iterable[Evidence], now: datetime) -> Verdict:
    """Weigh the evidence; the result does not depend on its order.

    A signal has half its weight after 180 days. Confidence is the lead of one track over the other,
    against everything known plus a fixed doubt; it falls with age as long as nothing new comes.
    """
    weighed = [(faded(one, now), one) for one in evidence]
    technical = math.fsum(weight for weight, one in weighed if one.track is Track.TECHNICAL)
    business = math.fsum(weight for weight, one in weighed if one.track is Track.BUSINESS)
    score = technical - business
    confidence = abs(score) / (technical + business + DOUBT)
    track = None if confidence < SURE else Track.TECHNICAL if score > 0 else Track.BUSINESS
    weighed.sort(key=_strongest_first)
    return Verdict(track, score, confidence, tuple(one for _, one in weighed))


def faded(evidence: Evidence, now: datetime) -> float:
    """The weight that is left of a signal; one from the future (a clock that is off) counts as new."""
    age = max(now - evidence.observed_at, timedelta())
    return evidence.weight * math.pow(0.5, age / HALF_LIFE)


def effective_track(
    *,
    contact_set: Track | None,
    account_locked: Track | None,
    contact_inferred: Track | None,
    account_set: Track | None,
    account_inferred: Track | None,
) -> tuple[Track, TrackSource]:
    """The track a contact reads, and why: the first that exists in this order, else business (B5, B6).

    "Inferred" is a verdict that was sure; an unsure one is None.
    """
    candidates = (
        (contact_set, TrackSource.CONTACT_SET),
        (account_locked, TrackSource.ACCOUNT_LOCKED),
        (contact_inferred, TrackSource.CONTACT_INFERRED),
        (account_set, TrackSource.ACCOUNT_SET),
        (account_inferred, TrackSource.ACCOUNT_INFERRED),
    )
    for track, source in candidates:
        if track is not None:
            return track, source
    return Track.BUSINESS, TrackSource.DEFAULT


def own_words(text: str) -> str:
    """The text without markup, quoted lines, signature, and what follows an "original message" divider."""
    lines = []
    for line in _plain(text).splitlines():
        stripped = line.strip()
        if stripped == "--" or ORIGINAL.match(line):
            break
        if not stripped.startswith(">"):
            lines.append(stripped)
    return "\n".join(lines).strip()


def excerpt(text: str, start: int, end: int) -> str:
    """At most 80 characters of the text, on one line, around the hit from `start` to `end`."""
    room = max(0, EXCERPT - (end - start)) // 2
    left, right = max(0, start - room), min(len(text), start + EXCERPT - room)
    return " ".join(text[left:right].split())


def _plain(text: str) -> str:
    parts = QUOTE_TAG.split(SILENT.sub(" ", text))
    depth, kept = 0, [parts[0]]
    for closing, part in zip(parts[1::2], parts[2::2], strict=True):  # the group of a tag, then what follows it
        depth = max(0, depth - 1) if closing else depth + 1
        if depth == 0:
            kept.append(part)
    return html.unescape(ANY_TAG.sub("", LINE_TAG.sub("\n", "\n".join(kept)))).translate(TYPED)


def _ticked(answer: object) -> bool:
    return answer is True or (isinstance(answer, str) and answer.strip().lower() in YES)


def _text_of(answer: object) -> str:
    if isinstance(answer, str):
        return own_words(answer[:READ_AT_MOST])
    if isinstance(answer, list | tuple):
        return ", ".join(own_words(part[:READ_AT_MOST]) for part in answer if isinstance(part, str))
    return ""


def _evidence(rule: Rule, words: str, at: datetime) -> Evidence:
    return Evidence(rule.name, rule.track, rule.weight, words, at)


def _strongest_first(weighed: tuple[float, Evidence]) -> tuple[float, float, str, str, str]:
    weight, one = weighed  # the rest settles ties, so that no order of arrival shows through
    return -weight, -one.observed_at.timestamp(), one.rule, one.track.value, one.excerpt
