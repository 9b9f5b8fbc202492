"""Service accounts and their tokens: the key of one, and the token endpoint that Google runs.

Belongs here: who a caller is and what a token allows. Does not belong here: what is shared with whom.

The endpoint takes what google-auth sends (RFC 7523: a JWT signed with the account's key) and refuses, in Google's
words, a wrong signature, audience, scope, lifetime or account.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .google_schema import RefusalError, read_document

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# google-auth signs for this address whatever the key file names as the endpoint.
AUDIENCE = "https://oauth2.googleapis.com/token"
LIFETIME_S = 3599
PROJECT = "mentoring-stand-in"
EMAIL = f"robot@{PROJECT}.example"


class TokenRefusalError(Exception):
    """The token endpoint's refusal: `error` and `description` as OAuth has them."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


@cache
def _make_key() -> rsa.RSAPrivateKey:
    # Making a key takes longer than everything else here, and no test needs two.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Token:
    """What a token allows: whose it is, its scopes, when it ends (seconds since 1970)."""

    email: str
    scopes: frozenset[str]
    ends: float


@dataclass
class Accounts:
    """The service account of the tests and the tokens given out for it."""

    token_uri: str
    email: str = EMAIL
    tokens: dict[str, Token] = field(default_factory=dict)
    given: int = 0

    def describe_account(self) -> dict[str, str]:
        """The account's key file."""
        key = _make_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": key.decode(),
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri,
            "universe_domain": "googleapis.com",
        }

    def give_token(self, form: Mapping[str, list[str]]) -> dict[str, Any]:
        """The token endpoint's answer. Raises `TokenRefusalError`."""
        if form.get("grant_type") != [GRANT]:
            raise TokenRefusalError("unsupported_grant_type", "Invalid grant_type")
        claims = self._read_assertion(form.get("assertion", [""])[0])
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes or not scopes <= set(_list_scopes()):
            raise TokenRefusalError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        self.given += 1
        text = f"ya29.stand-in-{self.given}"
        self.tokens[text] = Token(self.email, scopes, time.time() + LIFETIME_S)
        return {"access_token": text, "expires_in": LIFETIME_S, "token_type": "Bearer"}

    def _read_assertion(self, assertion: str) -> dict[str, Any]:
        try:
            head, body, signature = assertion.split(".")
            header, claims = (json.loads(_decode(part)) for part in (head, body))
            _make_key().public_key().verify(
                _decode(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            raise TokenRefusalError("invalid_grant", "Invalid JWT Signature.") from None
        except ValueError:
            raise TokenRefusalError("invalid_grant", "Bad Request") from None
        now = time.time()
        if header.get("alg") != "RS256" or claims.get("aud") != AUDIENCE:
            raise TokenRefusalError("invalid_grant", "Invalid JWT: Failed audience check.")
        if claims.get("iss") != self.email:
            raise TokenRefusalError("invalid_grant", "Invalid grant: account not found")
        if not claims["iat"] - 300 <= now <= claims["exp"] or claims["exp"] - claims["iat"] > 3600:
            raise TokenRefusalError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        return dict(claims)

    def recognise(self, header: str | None, allowed: frozenset[str]) -> str:
        """The address of who calls with this Authorization header. Raises `RefusalError`."""
        if not header:
            raise RefusalError(
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API.",
                403,
                "PERMISSION_DENIED",
            )
        token = self.tokens.get(header.removeprefix("Bearer "))
        if token is None or token.ends < time.time():
            raise expired()
        if not token.scopes & allowed:
            raise RefusalError(
                "Request had insufficient authentication scopes.",
                403,
                "PERMISSION_DENIED",
                details=[
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                        "domain": "googleapis.com",
                        "metadata": {"service": "sheets.googleapis.com"},
                    }
                ],
            )
        return token.email


def expired() -> RefusalError:
    """The refusal of a token that is unknown or over."""
    return RefusalError(
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        401,
        "UNAUTHENTICATED",
    )


def _list_scopes() -> list[str]:
    return list(read_document()["auth"]["oauth2"]["scopes"])


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
