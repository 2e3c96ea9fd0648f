"""The banner on the company's own site: what is public, or what touches one account (F8).

The company's back end signs who its visitor is: a JSON Web Token (RFC 7519), HS256 with BANNER_SECRET, whose `sub` is
the account's external id and whose `exp` is at most an hour ahead. It names no contact and opens nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.utils.text import capfirst

from comms.choices import IncidentStatus
from comms.models import Incident, IncidentUpdate
from comms.policies.uptime import State, worst
from customers.models import Account
from portal import access
from portal.status import statuspage, words
from portal.status.state import PublicState

LONGEST = timedelta(hours=1)
KEPT_SECONDS = 5
kept = LocMemCache("banner", {})  # of this process: asking the database for a copy would save nothing
Json = dict[str, Any]


class BadToken(Exception):
    """Its words are for the company's developers; they say nothing about any account."""


@dataclass(frozen=True)
class Notice:
    """One incident on the banner."""

    id: str
    heading: str
    status: str
    status_word: str
    state: State
    state_word: str
    url: str
    updated_at: str | None


def public_answer(public: PublicState) -> Json:
    """What the copy holds for visitors who are nobody's customers."""
    notices = [
        Notice(
            id=event.head.key,
            heading=event.head.title,
            **_status(event.head.status),
            **_state(worst(event.affected.values()) if event.affected else State.DEGRADED),
            url=words.address(words.incident_path(event.head.key)),
            updated_at=statuspage.instant(event.head.updated_at),
        )
        for event in public.open
    ]
    return answer("public", notices, words.address("/status/"))


def answer(scope: str, notices: Iterable[Notice], url: str) -> Json:
    return {"scope": scope, "incidents": [asdict(notice) for notice in notices], "url": url, "error": None}


def account_answer(token: str) -> Json:
    """The open incidents that touch the token's account, under its services' names. Kept for some seconds.

    Raises BadToken for a token that is forged, expired or names nobody, DatabaseError while the database is away.
    """
    external_id = account_of(token)
    key = external_id.encode().hex()
    found = kept.get(key)
    if found is None:
        account = Account.objects.filter(external_id=external_id).first()
        if account is None:
            raise BadToken("The token names no account.")
        found = answer("account", _notices(account), words.address("/"))
        kept.set(key, found, KEPT_SECONDS)
    return dict(found)


def account_of(token: str) -> str:
    """The external id that a valid token names. Raises BadToken."""
    if not settings.BANNER_SECRET:
        raise BadToken("Tokens are not switched on: BANNER_SECRET is not set.")
    try:
        claims = jwt.decode(
            token, settings.BANNER_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]}, leeway=5
        )
    except jwt.ExpiredSignatureError as error:
        raise BadToken("The token has expired.") from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadToken("The token is not valid.") from error
    if datetime.fromtimestamp(claims["exp"], UTC) > datetime.now(UTC) + LONGEST + timedelta(seconds=60):
        raise BadToken("The token lives too long: an hour at most.")
    return str(claims["sub"])


def _notices(account: Account) -> list[Notice]:
    """A fixed number of queries, however many incidents are open."""
    incidents = list(access.incidents_of_account(account).filter(resolved_at=None).order_by("-detected_at", "-pk"))
    names, components = _touched(account, incidents)
    levels, updated = _levels(incidents)
    return [
        Notice(
            id=str(incident.pk),
            heading=", ".join(names[incident.pk]) or incident.reference,
            **_status(IncidentStatus(incident.status)),
            **_state(worst(levels[incident.pk].get(pk, State.OPERATIONAL) for pk in components[incident.pk])),
            url=words.address(f"/incidents/{incident.pk}/"),
            updated_at=statuspage.instant(updated.get(incident.pk)),
        )
        for incident in incidents
    ]


def _touched(account: Account, incidents: list[Incident]) -> tuple[dict[int, list[str]], dict[int, set[int]]]:
    """Per incident the names of the account's services, in their order, and its components."""
    names: dict[int, list[str]] = defaultdict(list)
    components: dict[int, set[int]] = defaultdict(set)
    for pk, component, name in access.touched_of_account(account, incidents):
        components[pk].add(component)
        if name not in names[pk]:
            names[pk].append(name)
    return names, components


def _levels(incidents: list[Incident]) -> tuple[dict[int, dict[int, State]], dict[int, datetime]]:
    """Per incident what its last update said of its components, and when."""
    last = IncidentUpdate.objects.filter(incident__in=incidents).order_by("incident_id", "-number")
    levels: dict[int, dict[int, State]] = defaultdict(dict)
    at: dict[int, datetime] = {}
    for update in last.distinct("incident_id"):
        levels[update.incident_id] = {int(pk): State(level) for pk, level in update.affected.items()}
        at[update.incident_id] = update.published_at
    return levels, at


def _status(status: IncidentStatus) -> dict[str, Any]:
    return {"status": status.value, "status_word": capfirst(str(status.label))}


def _state(state: State) -> dict[str, Any]:
    return {"state": state, "state_word": capfirst(words.state_word(state))}
