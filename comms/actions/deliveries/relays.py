"""The ways that mail leaves by: left alone for a while when they do not answer, fed no faster than all together may.

There is a relay, a provider, or both: then the provider is used while the relay is left alone.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from comms import ledger
from comms.choices import Lane
from comms.models import Relay
from customers import clock
from customers.choices import TransportKind

SMTP, PROVIDER = "smtp", "provider"
RESERVE = 0.2  # of a second's mails that only the critical lane may take
SHORTEST, LONGEST = timedelta(seconds=5) / settings.TIME_SCALE, timedelta(minutes=5) / settings.TIME_SCALE


def ways() -> list[str]:
    """Those that are configured, the preferred one first."""
    smtp = [SMTP] if settings.SMTP_HOST or not settings.MAIL_PROVIDER else []
    return [*smtp, PROVIDER] if settings.MAIL_PROVIDER else smtp


def way_now() -> str:
    """By which mail leaves now; the preferred one where all are left alone, for what is in hand already."""
    found = ways()
    if len(found) == 1:
        return found[0]
    closed = _closed(found)
    return next((name for name in found if name not in closed), found[0])


def resting() -> list[TransportKind]:
    """Channels of which every way is left alone at the moment."""
    found = ways()
    return [TransportKind.EMAIL] if len(_closed(found)) == len(found) else []


def _closed(names: list[str]) -> set[str]:
    rows = Relay.objects.filter(pk__in=names, closed_until__gt=clock.now())
    return set(rows.values_list("pk", flat=True))


def trip(reason: str, *, way: str = SMTP) -> None:
    """It could not be reached: leave it alone for 5, 10, 20 ... seconds, 5 minutes at most."""
    now = clock.now()
    relay, _ = Relay.objects.get_or_create(pk=way)
    if relay.closed_until is not None and relay.closed_until > now:
        return
    pause = min(LONGEST, SHORTEST * 2 ** min(relay.failures, 10))
    Relay.objects.filter(pk=way, failures=relay.failures).update(
        failures=relay.failures + 1, closed_until=now + pause, reason=reason[:300]
    )


def is_troubled(*, way: str = SMTP) -> bool:
    """It failed the last time that it was tried, and its turn has come: what it takes now opens it again.

    A relay that is left alone while the provider takes over is not: mail that the provider takes proves nothing of it.
    """
    relays = Relay.objects.filter(pk=way, failures__gt=0)
    if len(ways()) > 1:
        relays = relays.filter(Q(closed_until=None) | Q(closed_until__lte=clock.now()))
    return relays.exists()


def recovered(*, way: str = SMTP) -> None:
    """It has taken a mail again."""
    Relay.objects.filter(pk=way, failures__gt=0).update(failures=0, closed_until=None, reason="")


class Allowance:
    """How many mails may leave: taken from the relay's rate in portions, so that its row is not asked for each."""

    PORTION = 32

    def __init__(self, lane: Lane) -> None:
        self._reserve = 0.0 if lane is Lane.CRITICAL else RESERVE
        self._way = way_now()
        self._limited = Relay.objects.filter(pk=self._way, rate__gt=0).exists()
        self._left = 0

    def take(self, wanted: int, *, until: float) -> bool:
        """Wait until so many may leave; False where time (monotonic) is over before."""
        while self._limited and self._left < wanted:
            granted = ledger.take_tokens(self._way, max(wanted, self.PORTION), reserve=self._reserve)
            self._left += granted
            if self._left >= wanted:
                break
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        self._left -= wanted if self._limited else 0
        return True
