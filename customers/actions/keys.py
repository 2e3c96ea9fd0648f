"""Keys of machines: shown once, kept as SHA-256, scoped, expiring."""

import hashlib
import secrets
from datetime import datetime

from django.db.models import Q

from customers import clock
from customers.models import ApiKey, User

SCOPES = ("alerts:write", "bounces:write", "metrics:read")


def create_key(*, name: str, scopes: list[str], created_by: User | None, expires_at: datetime | None = None) -> str:
    """The new key in clear: this is the only time that it can be seen.

    Raises:
        ValueError: a scope that there is not.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"Unknown scope: {', '.join(sorted(unknown))}. There are: {', '.join(SCOPES)}.")
    key = f"tt_{secrets.token_urlsafe(32)}"
    ApiKey.objects.create(
        name=name,
        prefix=key[:8],
        digest=_digest(key),
        scopes=scopes,
        created_by=created_by,
        expires_at=expires_at,
    )
    return key


def find_key(key: str) -> ApiKey | None:
    """The valid key that this is, or None; the digest is what is compared, so the time tells nothing of the key."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    return ApiKey.objects.filter(unexpired, digest=_digest(key)).first()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
