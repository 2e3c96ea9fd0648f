"""Second factors: their secrets are unreadable in a stolen backup, and passkeys belong to the portal's own address."""

import base64
import hashlib
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from customers.models import Company


class Factors(DefaultMFAAdapter):  # type: ignore[misc]
    def get_totp_issuer(self) -> str:
        return Company.current().name

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Never by the Host header of a request: a passkey made under one name is worth nothing under another."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "", "name": Company.current().name}

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet().decrypt(encrypted_text.encode()).decode()


def _fernet() -> MultiFernet:
    """By SECRET_KEY; what earlier keys have encrypted is still read (SECRET_KEY_FALLBACKS)."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"portal.signin.factors:" + key.encode()).digest())
