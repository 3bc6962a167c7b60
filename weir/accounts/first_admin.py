"""The administrator that every installation begins with."""

from datetime import datetime

from weir.accounts.passwords import Passwords
from weir.events.event import Author
from weir.postgres.pool import Pool
from weir.postgres.queries.users import has_users
from weir.postgres.users import NewPassword, create_first_admin

FIRST_ADMIN = "admin"
#: Who the journal says has made them.
_AUTHOR = Author("system:first_start")


async def make_first_admin(pool: Pool, password: str, now: datetime) -> bool:
    """Make the administrator when there has never been any user; False when there has.

    Safe to repeat, and from two places at once.

    Raises:
        StoreUnavailableError: the database is away, or not migrated yet; try again later.
    """
    if await has_users(pool):
        return False
    new = NewPassword(await Passwords().hash(password), now)
    return await create_first_admin(pool, FIRST_ADMIN, new, _AUTHOR)
