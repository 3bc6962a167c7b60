"""Tokens that mean nothing by themselves: 256 random bits, of which only a hash is stored.

A fast hash is enough: nobody can try 2^256 of them.
"""

import hashlib
import secrets

#: How an API token starts, so that people and scanners of repositories recognise one.
API_TOKEN_PREFIX = "weir_"  # noqa: S105 - how each starts
_RANDOM_BYTES = 32


def make_api_token() -> str:
    """Make an API token, to be shown once."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def make_refresh_token() -> str:
    """Make a refresh token, for one use."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def make_session_id() -> str:
    """Make the name of a login; it is no secret."""
    return secrets.token_hex(_RANDOM_BYTES // 2)


def hash_token(token: str) -> bytes:
    """Give what is stored of a token, and found by it."""
    return hashlib.sha256(token.encode()).digest()
