"""Passwords: hashed slowly, and verified in the same time whether there is anybody or not."""

import asyncio

import pytest

from weir.accounts.passwords import (
    CONCURRENT_COUNT_MAX,
    NOBODYS_HASH,
    WAITING_COUNT_MAX,
    Passwords,
    generate_password,
    needs_rehash,
)
from weir.errors import TooManyRequestsError
from weir.model.account import PASSWORD_LENGTH_MIN


async def test_only_the_password_itself_is_right() -> None:
    hashes = Passwords()
    stored = await hashes.hash("a long enough one")

    assert await hashes.is_right("a long enough one", stored)
    assert not await hashes.is_right("a long enough One", stored)
    assert "long" not in stored


async def test_nobody_has_a_password() -> None:
    assert not await Passwords().is_right("", None)


async def test_a_damaged_hash_lets_nobody_in() -> None:
    assert not await Passwords().is_right("a", "$argon2id$damaged")


def test_verifying_nobody_costs_what_verifying_somebody_does() -> None:
    assert not needs_rehash(NOBODYS_HASH)


def test_generated_passwords_are_long_and_differ() -> None:
    made = {generate_password() for _ in range(100)}

    assert len(made) == 100
    assert all(len(password) >= PASSWORD_LENGTH_MIN for password in made)


async def test_too_many_at_once_are_refused_and_not_queued_for_ever() -> None:
    hashes = Passwords()
    hashes._waiting_count = WAITING_COUNT_MAX

    with pytest.raises(TooManyRequestsError):
        await hashes.hash("a")


async def test_only_a_few_are_hashed_at_a_time() -> None:
    hashes = Passwords()
    under_way = most = 0

    def work() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        under_way -= 1

    await asyncio.gather(*(hashes._in_turn(work) for _ in range(20)))

    assert most <= CONCURRENT_COUNT_MAX
