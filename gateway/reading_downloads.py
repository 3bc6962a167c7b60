"""Downloads of readings and of buckets."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pyarrow as pa
from fastapi import Request
from fastapi.responses import StreamingResponse

from gateway.downloads import respond
from gateway.formats import Format
from gateway.tables import (
    DOUBTED_READINGS_SCHEMA,
    READINGS_SCHEMA,
    buckets_table,
    empty_table,
    readings_table,
)
from weir.model.query import BucketQuestion
from weir.postgres.queries import Pool, buckets, raw_downloads
from weir.postgres.queries.raw_downloads import RawQuestion
from weir.postgres.queries.series import Series


async def download_readings(
    request: Request,
    pool: Pool,
    series: Sequence[Series],
    question: RawQuestion,
    kind: Format,
) -> StreamingResponse:
    """Answer with all readings that are asked for, series after series.

    Raises:
        StoreUnavailableError: try again later.
        TooManyRequestsError: too many downloads are running.
    """
    return await respond(request, _readings(pool, series, question), kind)


async def download_buckets(
    request: Request,
    pool: Pool,
    series: Sequence[Series],
    question: BucketQuestion,
    kind: Format,
) -> StreamingResponse:
    """Answer with all buckets of a question, series after series.

    Raises:
        RequestError: the series do not have an answer to this.
        StoreUnavailableError: try again later.
        TooManyRequestsError: too many downloads are running.
    """
    return await respond(request, _buckets(pool, series, question), kind)


async def _readings(
    pool: Pool, series: Sequence[Series], question: RawQuestion
) -> AsyncIterator[pa.RecordBatch]:
    async with aclosing(raw_downloads.download(pool, series, question)) as pieces:
        # Asked before the empty table goes out: whatever is wrong shows by now.
        first = await anext(pieces, None)
        yield empty_table(DOUBTED_READINGS_SCHEMA if question.with_quality else READINGS_SCHEMA)
        if first is not None:
            yield readings_table(first)
        async for piece in pieces:
            yield readings_table(piece)


async def _buckets(
    pool: Pool, series: Sequence[Series], question: BucketQuestion
) -> AsyncIterator[pa.RecordBatch]:
    async with aclosing(buckets.download(pool, series, question)) as pieces:
        async for piece in pieces:
            yield buckets_table(piece, series)
