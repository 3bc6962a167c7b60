"""The policies of retention: read, set, and journalled when they change."""

from collections.abc import Collection

import asyncpg

from weir.errors import NotFoundError, RequestError
from weir.events.event import Author, entries_of
from weir.events.retention import ENTITY, change, entity_id, evolve
from weir.model.retention import (
    INSTALLATION,
    Age,
    Ages,
    Layer,
    Policies,
    Scope,
    check_policies,
)
from weir.postgres import journal
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

#: Two changes at once could each be right, and wrong together.
_LOCK = "LOCK TABLE retention_age IN SHARE ROW EXCLUSIVE MODE"
#: Sites of the first organisation go by their slug alone.
SITE_NAME = """
    CASE WHEN organisation.slug = 'default' THEN site.slug
         ELSE organisation.slug || '/' || site.slug END
    """
_READ = f"""
    SELECT {SITE_NAME} AS site, class, layer, days
    FROM retention_age LEFT JOIN site USING (site_id) LEFT JOIN organisation USING (org_id)
    ORDER BY class NULLS FIRST, site NULLS FIRST
    """  # noqa: S608 - only constants are put together
_FIND_SITE = f"""
    SELECT site_id FROM site JOIN organisation USING (org_id) WHERE {SITE_NAME} = $1
    """  # noqa: S608
_CLASSES = "SELECT DISTINCT class FROM series WHERE class <> '' ORDER BY class"
_FORGET = """
    DELETE FROM retention_age
    WHERE site_id IS NOT DISTINCT FROM $1 AND class IS NOT DISTINCT FROM $2
    """
_SET = """
    INSERT INTO retention_age (site_id, class, layer, days)
    SELECT $1, $2, * FROM unnest($3::text[], $4::integer[])
    """
_VERSION = """
    SELECT coalesce(max(entity_version), 0) FROM journal WHERE entity = $1 AND entity_id = $2
    """
#: Classes named in the message about one that no series has.
_CLASSES_NAMED_MAX = 10


async def read_policies(pool: asyncpg.Pool) -> Policies:
    """Give all policies, the installation's first.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        return _policies(await pool.fetch(_READ))


async def change_policy(
    pool: asyncpg.Pool, scope: Scope, wanted: Ages, unset: Collection[Layer], author: Author
) -> Ages:
    """Set some ages of a policy and forget others; gives what it then has.

    Raises:
        NotFoundError: there is no such site, or no series has the class.
        RequestError: the installation needs all its ages, or a level would go before the one that
            it is computed from.
        StoreUnavailableError: try again later.
    """
    if unset and scope == INSTALLATION:
        raise RequestError("the installation has every age: set another one, or `forever`")
    async with transaction(pool) as connection:
        await connection.execute(_LOCK)
        policies = dict(_policies(await connection.fetch(_READ)))
        site_id = await _find(connection, scope, is_known=scope in policies)
        before = policies.get(scope, {})
        events = change(scope, before, wanted, unset)
        after = before
        for event in events:
            after = evolve(after, event)
        check_policies({**policies, scope: after})
        if events:
            await _store(connection, site_id, scope.series_class, after)
            entity = entity_id(scope)
            version = await connection.fetchval(_VERSION, ENTITY, entity)
            await journal.append(connection, entries_of(ENTITY, entity, version, events, author))
    return after


async def _find(connection: Connection, scope: Scope, *, is_known: bool) -> int | None:
    """Give the site's number, None for a class or the installation."""
    if scope.site is not None:
        site_id = await connection.fetchval(_FIND_SITE, scope.site)
        if site_id is None:
            raise NotFoundError(f"there is no site {scope.site!r}")
        return int(site_id)
    if scope.series_class is not None and not is_known:
        classes = [row["class"] for row in await connection.fetch(_CLASSES)]
        if scope.series_class not in classes:
            more = ", ..." if len(classes) > _CLASSES_NAMED_MAX else ""
            known = ", ".join(classes[:_CLASSES_NAMED_MAX]) + more
            raise NotFoundError(
                f"no series has the class {scope.series_class!r}; there are: {known or 'none yet'}"
            )
    return None


async def _store(
    connection: Connection, site_id: int | None, series_class: str | None, ages: Ages
) -> None:
    await connection.execute(_FORGET, site_id, series_class)
    layers = [layer.value for layer in ages]
    await connection.execute(_SET, site_id, series_class, layers, list(ages.values()))


def _policies(rows: list[asyncpg.Record]) -> Policies:
    policies: dict[Scope, dict[Layer, Age]] = {INSTALLATION: {}}
    for row in rows:
        ages = policies.setdefault(Scope(row["site"], row["class"]), {})
        ages[Layer(row["layer"])] = row["days"]
    return policies
