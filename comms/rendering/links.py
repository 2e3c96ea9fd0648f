"""The link in a mail that opens one incident without signing in: read-only, for 7 days, and nothing else (E9)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, Signer

from comms.choices import Variant

VALID_FOR = timedelta(days=7)
_signer = Signer(salt="comms.incident_link", sep="~")
_LETTER = {Variant.TECHNICAL: "t", Variant.BUSINESS: "b"}


@dataclass(frozen=True)
class IncidentLink:
    """What a link names: an incident and a track, for contact points of accounts, since its message was written."""

    incident_id: int
    variant: Variant
    points: tuple[tuple[int, int], ...]
    """Contact point and account, as they were when it was sent."""
    since: datetime


class NoSuchLink(ValueError):
    """Forged, cut off, or too old: there is nothing to see."""


def token_of(incident_id: int, variant: Variant, points: Iterable[tuple[int, int]], since: datetime) -> str:
    """Stable for a message and its reader, so that a mail that is tried again has the same link."""
    named = "_".join(f"{point}-{account}" for point, account in points)
    return _signer.sign(f"{incident_id}.{_LETTER[variant]}.{int(since.timestamp())}.{named}")


def parse(token: str, *, now: datetime) -> IncidentLink:
    """What the link names.

    Raises:
        NoSuchLink: it was not made by us, or its 7 days are over.
    """
    try:
        incident, letter, since, named = _signer.unsign(token).split(".")
        variant = next(variant for variant, own in _LETTER.items() if own == letter)
        points = tuple((int(point), int(account)) for point, account in (pair.split("-") for pair in named.split("_")))
        link = IncidentLink(int(incident), variant, points, datetime.fromtimestamp(int(since), UTC))
    except (BadSignature, ValueError, StopIteration) as error:
        raise NoSuchLink from error
    if now - link.since > VALID_FOR:
        raise NoSuchLink
    return link
