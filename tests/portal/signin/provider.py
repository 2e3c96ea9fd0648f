"""A company's OpenID Connect provider, on a socket: a person is always signed in there, and PKCE is demanded."""

import base64
import hashlib
import http.client
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "portal", "of the provider"


class Provider:
    """`claims` are of whoever is signed in at it; `token_claims` change what its tokens say."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.token_claims: dict[str, Any] = {}
        self.asked: list[str] = []
        self.codes: dict[str, str] = {}
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Provider":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def sign_in(self, address: str) -> str:
        """What a browser does at the provider: it comes with `address`, and is sent back to the returned one."""
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        assert answer.status == 302, answer.read()
        back = urlsplit(answer.headers["Location"])
        connection.close()
        return f"{back.path}?{back.query}"

    def token(self) -> str:
        now = int(time.time())
        told = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, **self.claims, **self.token_claims}
        return jwt.encode(told, self.key, algorithm="RS256", headers={"kid": "one"})


def _handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._json(
                    {
                        "issuer": provider.url,
                        "authorization_endpoint": f"{provider.url}/authorize",
                        "token_endpoint": f"{provider.url}/token",
                        "userinfo_endpoint": f"{provider.url}/userinfo",
                        "jwks_uri": f"{provider.url}/keys",
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    }
                )
            elif parts.path == "/authorize":
                assert asked["client_id"] == CLIENT
                assert asked["code_challenge_method"] == "S256"
                code = secrets.token_urlsafe(8)
                provider.codes[code] = asked["code_challenge"]
                self.send_response(302)
                back = urlencode({"code": code, "state": asked["state"]})
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()
            elif parts.path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
                self._json(provider.claims)
            else:
                self._json({"error": "not here"}, 404)

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            sent = {name: values[0] for name, values in body.items()}
            digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
            proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            known = provider.codes.pop(sent.get("code", ""), None)  # a code counts once
            if known != proof or sent.get("client_secret") != SECRET:
                self._json({"error": "invalid_grant"}, 400)
                return
            self._json({"access_token": "access", "token_type": "Bearer", "id_token": provider.token()})

        def _json(self, content: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
