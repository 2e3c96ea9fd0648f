"""What was expected against what the outside saw: lost, twice, to the wrong one, in the wrong order."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from demo.sink.mail import Mail
from tests.faults.registry import Verdict

MARK = re.compile(r"\bmark-(\d+)-(\d+)-(\w+)\b")
WARNING = re.compile(r"^\[INC-(\d+)\] (\w+) update due in")


@dataclass(frozen=True, order=True)
class Said:
    """One text: an update of an incident on a track. It stands in the author's own words, so that mails bear it."""

    incident: int
    number: int
    variant: str

    def mark(self) -> str:
        return f"mark-{self.incident}-{self.number}-{self.variant}"


@dataclass
class Book:
    """Who was to get what: (address, text). An update may give way to a later one of its incident."""

    expected: set[tuple[str, Said]] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Addresses that the outside refused for good: what they did not get is not lost."""

    def missing(self, seen: Iterable[tuple[str, Said]]) -> set[tuple[str, Said]]:
        latest: dict[tuple[str, int], int] = defaultdict(int)
        got = set(seen)
        for address, said in got:
            key = (address, said.incident)
            latest[key] = max(latest[key], said.number)
        return {
            (address, said)
            for address, said in self.expected - got
            if address not in self.refused and latest[address, said.incident] <= said.number
        }

    def judge(self, mails: list[Mail]) -> Verdict:
        """Marks of every mail against the book. A mail without a mark is one that nobody expected."""
        verdict = Verdict()
        seen = [(mail.rcpt_to[0], said) for mail in mails for said in said_of(mail)]
        counted = Counter(seen)
        unreadable = sum(not said_of(mail) for mail in mails)
        verdict.misdirected = unreadable + sum(pair not in self.expected for pair in seen)
        verdict.duplicated = sum(counted.values()) - len(counted)
        verdict.lost = len(self.missing(counted))
        verdict.out_of_order = out_of_order(seen)
        verdict.must(same_ids(mails), "a repeated mail has another Message-ID, or two mails share one")
        return verdict


def warning(incident: int, track: str) -> Said:
    """The reminder that a promise of this track comes due: for colleagues, in a row of its own."""
    return Said(-incident, 0, track)


def said_of(mail: Mail) -> list[Said]:
    """What a mail says, by its marks: updates of a burst share a mail. Empty where nobody can tell."""
    if reminder := WARNING.match(mail.header("Subject")):
        return [warning(int(reminder[1]), reminder[2])]
    found = {
        Said(int(incident), int(number), variant) for incident, number, variant in MARK.findall(mail.part("plain"))
    }
    one_track = len({said.variant for said in found}) == 1
    return sorted(found) if one_track else []  # none, or the texts of two tracks in one mail


def out_of_order(seen: Iterable[tuple[str, Said]]) -> int:
    """How many came after a later one of the same incident had reached the address. The same again is no disorder."""
    last: dict[tuple[str, int], int] = {}
    got: set[tuple[str, Said]] = set()
    wrong = 0
    for address, said in seen:
        key = (address, said.incident)
        if (address, said) not in got and said.number < last.get(key, 0):
            wrong += 1
        last[key] = max(last.get(key, 0), said.number)
        got.add((address, said))
    return wrong


def same_ids(mails: list[Mail]) -> bool:
    """One Message-ID per address and text, and none of them shared."""
    by_id: defaultdict[str, set[tuple[str, tuple[Said, ...]]]] = defaultdict(set)
    by_pair: defaultdict[tuple[str, Said], set[str]] = defaultdict(set)
    for mail in mails:
        texts = said_of(mail)
        by_id[mail.header("Message-ID")].add((mail.rcpt_to[0], tuple(texts)))
        for said in texts:
            by_pair[mail.rcpt_to[0], said].add(mail.header("Message-ID"))
    return all(len(pairs) == 1 for pairs in by_id.values()) and all(len(ids) == 1 for ids in by_pair.values())


def twice(mails: list[Mail]) -> Mapping[str, int]:
    """Addresses that got a text more than once, and how often too many."""
    counted = Counter((mail.rcpt_to[0], said) for mail in mails for said in said_of(mail))
    more: Counter[str] = Counter()
    for (address, _), n in counted.items():
        if n > 1:
            more[address] += n - 1
    return more
