"""Wait until a command has got further: the request is answered when there is something to say."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from weir.postgres.journal_bell import JournalBell
from weir.postgres.pool import Pool
from weir.postgres.queries.commands import command_progress


def _bell_of(request: Request) -> JournalBell:
    bell = request.app.state.bell
    assert isinstance(bell, JournalBell)  # noqa: S101 - `create_app` has put it there
    return bell


#: A parameter of a route that waits.
InBell = Annotated[JournalBell, Depends(_bell_of)]


async def wait_for_progress(
    pool: Pool, bell: JournalBell, command_id: str, after_version: int | None, wait_s: float
) -> None:
    """Return when a command has ended, has had more steps than `after_version`, or time is up.

    Raises:
        NotFoundError: there is no such command.
        TooManyRequestsError: too many wait already.
        StoreUnavailableError: try again later.
    """
    until_s = asyncio.get_running_loop().time() + wait_s
    async with bell.listening():
        while True:
            version, has_ended = await command_progress(pool, command_id)
            left_s = until_s - asyncio.get_running_loop().time()
            is_news = after_version is not None and version > after_version
            if has_ended or is_news or left_s <= 0 or bell.is_closed:
                return
            await bell.wait(left_s)
