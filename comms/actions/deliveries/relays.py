"""The mail relay: left alone for a while when it does not answer, fed no faster than all workers together may."""

import time
from datetime import timedelta

from django.conf import settings

from comms import ledger
from comms.choices import Lane
from comms.models import Relay
from customers import clock
from customers.choices import TransportKind

SMTP = "smtp"
RESERVE = 0.2  # of a second's mails that only the critical lane may take
SHORTEST, LONGEST = timedelta(seconds=5) / settings.TIME_SCALE, timedelta(minutes=5) / settings.TIME_SCALE


def resting() -> list[TransportKind]:
    """Channels whose relay is left alone at the moment."""
    relay = Relay.objects.get(pk=SMTP)
    closed = relay.closed_until is not None and relay.closed_until > clock.now()
    return [TransportKind.EMAIL] if closed else []


def trip(reason: str) -> None:
    """The relay could not be reached: leave it alone for 5, 10, 20 ... seconds, 5 minutes at most."""
    now = clock.now()
    relay = Relay.objects.get(pk=SMTP)
    if relay.closed_until is not None and relay.closed_until > now:
        return
    pause = min(LONGEST, SHORTEST * 2 ** min(relay.failures, 10))
    Relay.objects.filter(pk=SMTP, failures=relay.failures).update(
        failures=relay.failures + 1, closed_until=now + pause, reason=reason[:300]
    )


def is_troubled() -> bool:
    """It failed the last time that it was tried."""
    return Relay.objects.filter(pk=SMTP, failures__gt=0).exists()


def recovered() -> None:
    """The relay has taken a mail again."""
    Relay.objects.filter(pk=SMTP, failures__gt=0).update(failures=0, closed_until=None, reason="")


class Allowance:
    """How many mails may leave: taken from the relay's rate in portions, so that its row is not asked for each."""

    PORTION = 32

    def __init__(self, lane: Lane) -> None:
        self._reserve = 0.0 if lane is Lane.CRITICAL else RESERVE
        self._limited = Relay.objects.get(pk=SMTP).rate > 0
        self._left = 0

    def take(self, wanted: int, *, until: float) -> bool:
        """Wait until so many may leave; False where time (monotonic) is over before."""
        while self._limited and self._left < wanted:
            granted = ledger.take_tokens(SMTP, max(wanted, self.PORTION), reserve=self._reserve)
            self._left += granted
            if self._left >= wanted:
                break
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        self._left -= wanted if self._limited else 0
        return True
