"""Answers of any length, in the formats of `gateway.formats`, as the database gives them."""

import asyncio
from collections.abc import AsyncIterator

import pyarrow as pa
from fastapi import Request
from fastapi.responses import StreamingResponse

from gateway.formats import Format, Writer, formats
from weir.errors import RequestError, TooManyRequestsError

#: Each holds a connection and a snapshot of the database until its client has read it all.
DOWNLOADS_MAX = 4
_RETRY_AFTER_S = 10.0
_JSON_TYPES = frozenset({"application/json", "application/*", "*/*"})


class DownloadSlots:
    """Counts the downloads that run."""

    def __init__(self) -> None:
        self._running = 0

    def take(self) -> None:
        """Begin one.

        Raises:
            TooManyRequestsError: too many run already.
        """
        if self._running >= DOWNLOADS_MAX:
            raise TooManyRequestsError(
                f"{DOWNLOADS_MAX} downloads are running: wait for one to end",
                retry_after_s=_RETRY_AFTER_S,
            )
        self._running += 1

    def give_back(self) -> None:
        """End one."""
        self._running -= 1


def choose_format(named: str | None, request: Request) -> Format | None:
    """Choose by name, else by the header `Accept`; None: JSON.

    Raises:
        RequestError: there is no format of that name.
    """
    if named == "json":
        return None
    if named is not None:
        if named in formats():
            return formats()[named]
        raise RequestError(f"query.format: not {named!r}; there are json, {', '.join(formats())}")
    by_type = {each.media_type: each for each in formats().values()}
    for media_type in _accepted(request.headers.get("accept", "")):
        if media_type in _JSON_TYPES:
            return None
        if media_type in by_type:
            return by_type[media_type]
    return None


async def respond(
    request: Request,
    pieces: AsyncIterator[pa.RecordBatch],
    kind: Format,
    name: str = "readings",
) -> StreamingResponse:
    """Begin to answer; what is wrong with the question is raised here, before the first byte.

    `name`: of the file, without its suffix.

    `pieces`: at least one, which may be empty: by coming it tells that the question is right, and
    which columns there are. When the database goes away later, the answer is cut off in the middle
    of a chunk, which every HTTP client notices.

    Raises:
        WeirError: as the first of `pieces` does.
    """
    slots = _slots_of(request)
    slots.take()
    try:
        first = await anext(pieces)
        writer = kind.open_writer(first.schema)
    except BaseException:
        slots.give_back()
        raise
    return StreamingResponse(
        _written(first, pieces, writer, slots),
        media_type=kind.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind.name}"'},
    )


async def _written(
    first: pa.RecordBatch,
    pieces: AsyncIterator[pa.RecordBatch],
    writer: Writer,
    slots: DownloadSlots,
) -> AsyncIterator[bytes]:
    try:
        yield await asyncio.to_thread(writer.write, first)
        async for piece in pieces:
            # Arrow lets go of the interpreter: the next piece comes in meanwhile.
            if text := await asyncio.to_thread(writer.write, piece):
                yield text
        yield await asyncio.to_thread(writer.close)
    finally:
        slots.give_back()
        if hasattr(pieces, "aclose"):
            await pieces.aclose()


def _slots_of(request: Request) -> DownloadSlots:
    """Give those of the application, which are made when they are first asked for."""
    state = request.app.state
    if not hasattr(state, "download_slots"):
        state.download_slots = DownloadSlots()
    slots: DownloadSlots = state.download_slots
    return slots


def _accepted(header: str) -> list[str]:
    """Give the media types of the header, the most wanted first. Source: RFC 9110, 12.5.1."""
    weighted = []
    for entry in header.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if media_type and weight.strip("0."):
            weighted.append((media_type, weight))
    return [
        media_type for media_type, _ in sorted(weighted, key=lambda each: each[1], reverse=True)
    ]
