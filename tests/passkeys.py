"""A key as a browser would have registered it, for tests that only show it."""

from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

ORIGIN = "http://localhost:8000"
PRESENT_AND_WITH_KEY = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT


def credential() -> dict[str, Any]:
    public = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    key = AttestedCredentialData.create(Aaguid.NONE, b"credential", public)
    seen = AuthenticatorData.create(bytes(32), PRESENT_AND_WITH_KEY, 0, key)
    client = CollectedClientData.create("webauthn.create", b"challenge", ORIGIN)
    response = {"clientDataJSON": _text(client), "attestationObject": _text(AttestationObject.create("none", seen, {}))}
    return {"type": "public-key", "id": _text(b"credential"), "rawId": _text(b"credential"), "response": response}


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
