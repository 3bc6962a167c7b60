"""Settle dead letters: publish them again, or discard them. Either way the letter itself stays.

Only what is still `kept` is settled. A letter is locked while it is published, and its new state is
committed after the broker's confirm: two replays at once never publish the same letter knowingly.
When this process, or its connection to the database, dies between confirm and commit, the letter
stays `kept` and a later replay publishes it twice. That is harmless for readings, events and
locations, which are stored once by their keys, and for announcements; log lines are written twice.

What is rejected again after a replay comes back as a new dead letter.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from weir.errors import ConflictError, NotFoundError, WeirError
from weir.ports import KeptMessage, Republisher
from weir.postgres.pool import Connection, transaction
from weir.postgres.queries.dead_letters import (
    FILTER_COUNT,
    MATCHES,
    DeadLetterFilter,
    DeadLetterState,
)

#: Letters whose fate hangs on one commit, and whose bodies are in memory together: at most 1 MiB
#: each, as the broker's `max_message_size` says.
CHUNK_COUNT = 32


@dataclass(frozen=True, slots=True)
class Round:
    """Letters to settle in one go, the oldest first: those with `after_id` < number <= `last_id`.

    `last_id` is what keeps a letter that is rejected again out of the round that replayed it.
    """

    wanted: DeadLetterFilter
    after_id: int
    last_id: int
    limit: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round has done; the next one goes on after `reached_id`."""

    count: int
    reached_id: int


_KEPT = DeadLetterState.KEPT
_MATCH_ROUND = f"""
    {MATCHES} AND dead_letter_id > ${FILTER_COUNT + 1} AND dead_letter_id <= ${FILTER_COUNT + 2}
    ORDER BY dead_letter_id LIMIT ${FILTER_COUNT + 3} FOR UPDATE SKIP LOCKED
    """
_TAKE = f"""
    SELECT dead_letter_id, routing_key, headers, body FROM dead_letter WHERE {_MATCH_ROUND}
    """  # noqa: S608 - only constants are put together
_DISCARD = f"""
    UPDATE dead_letter SET state = 'discarded', settled_at = now()
    WHERE dead_letter_id IN (SELECT dead_letter_id FROM dead_letter WHERE {_MATCH_ROUND})
    RETURNING dead_letter_id
    """  # noqa: S608 - only constants are put together
_SETTLE = """
    UPDATE dead_letter SET state = $2, settled_at = now() WHERE dead_letter_id = ANY($1::bigint[])
    """
_LOCK_ONE = """
    SELECT dead_letter_id, routing_key, headers, body FROM dead_letter
    WHERE dead_letter_id = $1 AND state = 'kept' FOR UPDATE SKIP LOCKED
    """
_STATE_OF = "SELECT state FROM dead_letter WHERE dead_letter_id = $1"


async def replay(pool: asyncpg.Pool, dead_letter_id: int, republisher: Republisher) -> None:
    """Publish one letter again.

    Raises:
        NotFoundError: none has this number.
        ConflictError: it is settled already, or somebody is at it.
        BrokerUnavailableError: it was not confirmed, and stays kept.
        ConfigError: no broker is known, or it refuses access.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        row = await _lock(connection, dead_letter_id)
        (error,) = await republisher.publish([_message(row)])
        if error is not None:
            raise error
        await connection.execute(_SETTLE, [dead_letter_id], DeadLetterState.REPLAYED)


async def discard(pool: asyncpg.Pool, dead_letter_id: int) -> None:
    """Settle one letter without publishing it.

    Raises:
        NotFoundError: none has this number.
        ConflictError: it is settled already, or somebody is at it.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await _lock(connection, dead_letter_id)
        await connection.execute(_SETTLE, [dead_letter_id], DeadLetterState.DISCARDED)


async def replay_round(pool: asyncpg.Pool, wanted: Round, republisher: Republisher) -> Settled:
    """Publish letters again, in the order of their numbers.

    Letters that somebody else is replaying at the moment are passed over.

    Raises:
        BrokerUnavailableError: one was not confirmed, and stays kept; those before it are replayed.
        ConfigError: no broker is known, or it refuses access.
        StoreUnavailableError: try again later.
    """
    done = Settled(0, wanted.after_id)
    while done.count < wanted.limit:
        chunk = replace(
            wanted,
            after_id=done.reached_id,
            limit=min(CHUNK_COUNT, wanted.limit - done.count),
        )
        replayed = await _replay_chunk(pool, chunk, republisher)
        if not replayed:
            break
        done = Settled(done.count + len(replayed), replayed[-1])
    return done


async def discard_round(pool: asyncpg.Pool, wanted: Round) -> Settled:
    """Settle letters without publishing them, the oldest first.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        rows = await connection.fetch(_DISCARD, *_arguments(wanted))
    numbers = [row["dead_letter_id"] for row in rows]
    return Settled(len(numbers), max(numbers, default=wanted.after_id))


async def _replay_chunk(pool: asyncpg.Pool, wanted: Round, republisher: Republisher) -> list[int]:
    async with transaction(pool) as connection:
        rows = await connection.fetch(_TAKE, *_arguments(wanted))
        outcomes = await republisher.publish([_message(row) for row in rows]) if rows else []
        numbers = [row["dead_letter_id"] for row in rows]
        await connection.execute(_SETTLE, _confirmed(numbers, outcomes), DeadLetterState.REPLAYED)
    # Only now, so that what was confirmed stays settled.
    for error in outcomes:
        if error is not None:
            raise error
    return numbers


def _confirmed(numbers: Sequence[int], outcomes: Sequence[WeirError | None]) -> list[int]:
    return [number for number, error in zip(numbers, outcomes, strict=True) if error is None]


def _arguments(wanted: Round) -> tuple[Any, ...]:
    kept = replace(wanted.wanted, state=_KEPT)
    return (*kept.arguments(), wanted.after_id, wanted.last_id, wanted.limit)


async def _lock(connection: Connection, dead_letter_id: int) -> asyncpg.Record:
    row = await connection.fetchrow(_LOCK_ONE, dead_letter_id)
    if row is not None:
        return row
    match await connection.fetchval(_STATE_OF, dead_letter_id):
        case None:
            raise NotFoundError(f"no dead letter has the number {dead_letter_id}")
        case DeadLetterState.KEPT:
            raise ConflictError(f"dead letter {dead_letter_id} is being settled at the moment")
        case state:
            raise ConflictError(f"dead letter {dead_letter_id} is {state} already")


def _message(row: asyncpg.Record) -> KeptMessage:
    return KeptMessage(row["routing_key"], json.loads(row["headers"]), row["body"])
