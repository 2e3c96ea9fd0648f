"""The bounce address of each mail: `bounces+12345.k7…@portal.example` names its delivery, signed (VERP).

What comes back to such an address is about that mail, whoever reports it; nobody can make one up (R33).
"""

import base64
from email.utils import parseaddr

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

SALT = "comms.verp"
SIGNATURE_BYTES = 10  # 80 bits: 16 characters of a local part, of which RFC 5321 allows 64


class Forged(ValueError):
    """It looks like one of our tokens and does not bear our signature."""


class _Signer(Signer):
    """Django's, with a signature in lower case: mail servers may change the case of a local part."""

    def signature(self, value: str | bytes, key: str | bytes | None = None) -> str:
        text = value.decode() if isinstance(value, bytes) else value
        digest = salted_hmac(f"{SALT}.signer", text, key or self.key, algorithm=self.algorithm).digest()
        return base64.b32encode(digest[:SIGNATURE_BYTES]).decode().lower()


def _signer() -> _Signer:
    return _Signer(salt=SALT, sep=".")


def token_of(delivery_id: int) -> str:
    """Digits, a dot and lower-case letters; it stays the same over attempts, and counts while its key is kept."""
    return _signer().sign(str(delivery_id))


def delivery_of(token: str) -> int:
    """The delivery's id.

    Raises:
        Forged: it is not signed with SECRET_KEY or one of SECRET_KEY_FALLBACKS.
    """
    try:
        number = _signer().unsign(token.strip().lower())
    except (BadSignature, UnicodeError) as error:
        raise Forged("The token does not bear our signature.") from error
    return int(number)


def sender_of(delivery_id: int, fallback: str) -> str:
    """The envelope's sender, where this mail comes back to; `fallback` where BOUNCE_ADDRESS is not set."""
    if not settings.BOUNCE_ADDRESS:
        return fallback
    local, _, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{local}+{token_of(delivery_id)}@{domain}"


def token_in(address: str) -> str | None:
    """The part of a bounce address of ours that names a mail; None for every other address. It is not checked here."""
    if not settings.BOUNCE_ADDRESS:
        return None
    local, _, domain = settings.BOUNCE_ADDRESS.lower().rpartition("@")
    bare = (parseaddr(address)[1] or address.strip().strip("<>")).lower()
    head, at, tail = bare.rpartition("@")
    if not at or tail != domain or not head.startswith(f"{local}+"):
        return None
    return head.removeprefix(f"{local}+")
