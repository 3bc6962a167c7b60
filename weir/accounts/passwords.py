"""Passwords: hashed slowly, beside the event loop, and never too many at a time.

Source: RFC 9106, "Argon2 Memory-Hard Function for Password Hashing and Proof-of-Work Applications",
section 4, the second recommended option: argon2id, t = 3, p = 4, m = 64 MiB, a salt of 128 bits and
a tag of 256.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from weir.errors import TooManyRequestsError

T = TypeVar("T")

#: What a first or a reset password is made of: 144 bits, in 24 characters that need no quoting.
GENERATED_PASSWORD_BYTES = 18
#: Hashes under way at a time: each takes 64 MiB and a processor for some 0.1 s.
CONCURRENT_COUNT_MAX = 2
#: Those that wait for their turn; beyond it, answers would come too late to be of use.
WAITING_COUNT_MAX = 50
RETRY_AFTER_S = 5.0

#: Of a password that nobody knows: verified when there is no such user, so that the time that a
#: login takes does not tell who exists.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$Gc1/JIT61vKPuB7qq2eWaw"
    "$RtuPpu8zzpjuGH+0t33rpJQNB2D3PHmGFgaAvPh21FI"
)

_HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


def generate_password() -> str:
    """Make a password for somebody who will change it."""
    return secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)


def needs_rehash(password_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


class Passwords:
    """Hashes and verifies in threads, a few at a time."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._free = asyncio.Semaphore(CONCURRENT_COUNT_MAX)
        self._waiting_count = 0

    async def hash(self, password: str) -> str:
        """Give what may be stored of a password.

        Raises:
            TooManyRequestsError: too many others wait.
        """
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one; without a hash no, after the same time.

        Raises:
            TooManyRequestsError: too many others wait.
        """
        matches = await self._in_turn(
            lambda: _matches(self._hasher, password_hash or NOBODYS_HASH, password)
        )
        return matches and password_hash is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting_count >= WAITING_COUNT_MAX:
            raise TooManyRequestsError(
                "too many passwords are being checked", retry_after_s=RETRY_AFTER_S
            )
        self._waiting_count += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._waiting_count -= 1


def _matches(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
