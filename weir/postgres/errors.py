"""Translate what PostgreSQL and asyncpg raise into the errors of the ports."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from weir.errors import RejectedByStoreError, StoreUnavailableError

#: SQLSTATE classes after which trying again can help: connection exception, login refused, no such
#: database (yet), transaction rollback (serialization, deadlock), insufficient resources, not
#: accepting connections, operator intervention, system error.
#: Source: PostgreSQL 18 documentation, appendix A.
_TRANSIENT_CLASSES = ("08", "28", "3D", "40", "53", "55", "57", "58")
#: Classes that say the content is at fault: data exception, integrity constraint violation, program
#: limit exceeded.
_CONTENT_CLASSES = ("22", "23", "54")
#: A partition's bounds are a check constraint without a name.
_CHECK_VIOLATION = "23514"


@contextmanager
def translated() -> Iterator[None]:
    """Let no asyncpg or socket exception pass.

    Raises:
        StoreUnavailableError: the database is away, starting, full or in a deadlock.
        RejectedByStoreError: the database refused the content itself.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state == _CHECK_VIOLATION and error.constraint_name is None:
            # A partition was made while a row was on its way to the default one: it has a home now.
            raise StoreUnavailableError(f"PostgreSQL: {error}") from error
        if state.startswith(_TRANSIENT_CLASSES):
            raise StoreUnavailableError(f"PostgreSQL: {error}") from error
        if state.startswith(_CONTENT_CLASSES):
            raise RejectedByStoreError(f"PostgreSQL: {error}") from error
        raise
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # Raised for a connection that died under us, and for a pool that closes. The second is the
        # driver's word for a connection that was ended between two of its steps.
        raise StoreUnavailableError(f"PostgreSQL: {error}") from error
    except (TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise StoreUnavailableError(f"PostgreSQL: {reason}") from error
