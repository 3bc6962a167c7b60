"""Write locations, of which some may be stored already."""

from collections.abc import Sequence

from weir.clock import from_us
from weir.model.location import Location
from weir.ports import AppendReport
from weir.postgres.pool import Connection

_GIVEN = """
    unnest($1::integer[], $2::timestamptz[], $3::double precision[], $4::double precision[],
           $5::real[], $6::real[], $7::real[], $8::text[])
    """
_INSERT = f"""
    INSERT INTO location (device_id, observed_at, latitude_deg, longitude_deg, altitude_m,
                          speed_mps, heading_deg, fix)
    SELECT * FROM {_GIVEN}
    ON CONFLICT (device_id, observed_at) DO NOTHING
    """  # noqa: S608 - both parts are constants
#: Run after the insert: what it stored equals what was given, so only older locations differ.
_COUNT_CONFLICTS = f"""
    SELECT count(*)
    FROM {_GIVEN} AS g (device_id, observed_at, latitude_deg, longitude_deg, altitude_m,
                        speed_mps, heading_deg, fix)
    JOIN location AS l ON l.device_id = g.device_id AND l.observed_at = g.observed_at
    WHERE (l.latitude_deg, l.longitude_deg, l.altitude_m, l.speed_mps, l.heading_deg, l.fix)
        IS DISTINCT FROM
          (g.latitude_deg, g.longitude_deg, g.altitude_m, g.speed_mps, g.heading_deg, g.fix)
    """  # noqa: S608


async def insert_locations(
    connection: Connection, locations: Sequence[tuple[int, Location]]
) -> AppendReport:
    """Store locations given as (device_id, location) within the caller's transaction.

    The first one of an instant stays; another one is counted as a conflict.
    """
    if not locations:
        return AppendReport()
    # Stable, so that the first to arrive is the first to be stored.
    ordered = sorted(locations, key=lambda row: (row[0], row[1].observed_at_us))
    columns = (
        [device_id for device_id, _ in ordered],
        [from_us(location.observed_at_us) for _, location in ordered],
        [location.latitude_deg for _, location in ordered],
        [location.longitude_deg for _, location in ordered],
        [location.altitude_m for _, location in ordered],
        [location.speed_mps for _, location in ordered],
        [location.heading_deg for _, location in ordered],
        [location.fix.value for _, location in ordered],
    )
    status = await connection.execute(_INSERT, *columns)
    stored_count = int(status.rsplit(" ", 1)[-1])
    if stored_count == len(ordered):
        return AppendReport(location_count=stored_count)
    conflicting_count = await connection.fetchval(_COUNT_CONFLICTS, *columns)
    return AppendReport(
        location_count=stored_count,
        repeated_count=len(ordered) - stored_count - conflicting_count,
        conflicting_count=conflicting_count,
    )
