"""Keep what was rejected, in the table `dead_letter`."""

import json
from collections.abc import Sequence

import asyncpg

from weir.ports import DeadLetter
from weir.postgres.errors import translated
from weir.postgres.pool import Connection

#: An error message is for people; the body says the rest.
ERROR_LENGTH_MAX = 2_000

_KEEP = """
    INSERT INTO dead_letter (reason, error, consumer, source, source_offset, exchange, routing_key,
                             headers, body, serial, attempts, first_seen_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                         $7::text[], $8::jsonb[], $9::bytea[], $10::text[], $11::integer[],
                         $12::timestamptz[])
    ON CONFLICT DO NOTHING
    """


class PostgresDeadLetterStore:
    """Dead letters in the table `dead_letter`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, letter: DeadLetter) -> None:
        """Keep a message; the same one from the same offset is kept once.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            async with self._pool.acquire() as connection:
                await keep(connection, [letter])


async def keep(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Keep messages within the caller's transaction."""
    if not letters:
        return
    await connection.execute(
        _KEEP,
        [letter.reason for letter in letters],
        [_clean(letter.error)[:ERROR_LENGTH_MAX] for letter in letters],
        [letter.consumer for letter in letters],
        [letter.source for letter in letters],
        [letter.source_offset for letter in letters],
        [_clean(letter.exchange) for letter in letters],
        [_clean(letter.routing_key) for letter in letters],
        [_clean_json(letter.headers) for letter in letters],
        [letter.body for letter in letters],
        [letter.serial for letter in letters],
        [letter.attempts for letter in letters],
        [letter.first_seen_at for letter in letters],
    )


def _clean(text: str) -> str:
    # PostgreSQL's text has no U+0000, and a rejected message may have anything.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _clean_json(headers: dict[str, object]) -> str:
    return json.dumps(headers, default=repr).replace("\\u0000", "\\ufffd")
