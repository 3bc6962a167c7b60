"""The way back in for whoever has the database: an administrator, or a new password for one."""

from datetime import datetime

from weir.accounts.passwords import Passwords, generate_password
from weir.errors import ConflictError
from weir.events.event import Author
from weir.events.user import Change, ChangePassword, Create
from weir.model.account import Role
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.pool import open_pool
from weir.postgres.users import NewPassword, UserChange, change_user

_AUTHOR = Author("system:recovery")
_ADMIN = {DEFAULT_ORGANISATION: Role.ADMIN}


async def recover_admin(url: str, name: str, now: datetime) -> str:
    """Make an administrator, or make one of a user who exists; give the new password.

    Raises:
        RejectedByStoreError: it is no name of a user.
        StoreUnavailableError: the database is away.
    """
    password = generate_password()
    new = NewPassword(await Passwords().hash(password), now)
    async with open_pool(url) as pool:
        try:
            await change_user(pool, UserChange(name, Create(_ADMIN), _AUTHOR, new))
        except ConflictError:
            change = Change(_ADMIN, is_disabled=False)
            await change_user(pool, UserChange(name, change, _AUTHOR))
            await change_user(pool, UserChange(name, ChangePassword(), _AUTHOR, new))
    return password
