"""A small estate of devices that has everything that a dashboard shows."""

from datetime import UTC, datetime, timedelta

from weir.postgres.pool import Connection

#: Rollups end here, readings a little later.
NOW = datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251 - dashboards show now
SINCE = NOW - timedelta(days=3)

_STATEMENTS = (
    "INSERT INTO site (org_id, slug, name) SELECT org_id, 'harbour', 'Harbour' FROM organisation",
    """
    INSERT INTO device (serial, site_id, state, model, firmware)
    SELECT serial, site_id, state, 'VS-3', '1.4'
    FROM (VALUES ('crane-1', 'harbour', 'active'), ('crane-2', 'harbour', 'active'),
                 ('pump-1', 'unassigned', 'active'), ('pump-2', 'unassigned', 'pending'),
                 ('pump-3', 'unassigned', 'disabled')) AS wanted (serial, site, state)
    JOIN site ON slug = site
    """,
    """
    INSERT INTO device_activity
    SELECT device_id, CASE serial WHEN 'crane-2' THEN $1::timestamptz - interval '2 days'
                      ELSE now() END, $1::timestamptz
    FROM device WHERE state = 'active'
    """,
    """
    INSERT INTO device_presence (device_id, is_online, reason, changed_at, budget, entity_version)
    SELECT device_id, serial <> 'crane-2', 'silence', $1::timestamptz, 1, 1
    FROM device WHERE state = 'active'
    """,
    "SELECT ensure_device_log_partitions(ARRAY[$1::timestamptz::date, $1::timestamptz::date - 1])",
    """
    INSERT INTO device_log (device_id, placed_at, digest, level, message, attributes, received_at)
    SELECT device_id, $1::timestamptz - n * interval '30 minutes', decode(md5(n::text), 'hex'),
           2, 'motor started', '{}', now()
    FROM device, generate_series(1, 20) AS n WHERE state = 'active'
    """,
    """
    INSERT INTO series (device_id, field, unit)
    SELECT device_id, field, 'm/s2' FROM device, unnest(ARRAY['x', 'y', 'status']) AS field
    WHERE state = 'active'
    """,
    """
    SELECT ensure_reading_partitions(($1::timestamptz - interval '3 days')::date,
                                     ($1::timestamptz + interval '1 day')::date)
    """,
    """
    INSERT INTO reading
    SELECT series_id, at, 10 * sin(extract(epoch FROM at) / 3600) + series_id
    FROM series, generate_series($1::timestamptz - interval '3 days',
                                 $1::timestamptz + interval '30 s', interval '10 s') AS at
    WHERE field <> 'status'
    """,
    """
    INSERT INTO text_reading
    SELECT series_id, $1::timestamptz, 'running' FROM series WHERE field = 'status'
    """,
    "INSERT INTO rollup_progress VALUES ('sensor.all.measurements.db_writer.0', $1::timestamptz)",
    """
    INSERT INTO device_event (device_id, observed_at, type, digest, data)
    SELECT device_id, $1::timestamptz - n * interval '1 hour', 'overload',
           decode(md5(n::text), 'hex'), jsonb_build_object('load_t', n)
    FROM device, generate_series(1, 5) AS n WHERE state = 'active'
    """,
    """
    INSERT INTO location (device_id, observed_at, latitude_deg, longitude_deg, fix)
    SELECT device_id, $1::timestamptz - n * interval '10 minutes', 53.54 + n / 1000.0,
           9.98 + device_id / 100.0, '3d'
    FROM device, generate_series(1, 20) AS n WHERE state = 'active'
    """,
    """
    INSERT INTO dead_letter (reason, error, consumer, source, source_offset, exchange, routing_key,
                             body, serial, attempts, first_seen_at, recorded_at)
    SELECT CASE n % 3 WHEN 0 THEN 'implausible' ELSE 'undecodable' END, 'no', 'measurements',
           'sensor.all.measurements.db_writer.0', n, 'iot', 'sensor.crane-1.measurements', 'x',
           'crane-1', 1, at, at
    FROM generate_series(1, 30) AS n,
         LATERAL (SELECT $1::timestamptz - n * interval '20 minutes' AS at) AS time
    """,
    """
    INSERT INTO command (command_id, device_id, name, parameters, state, requested_by, requested_at,
                         expires_at, timeout_s, attempt_count, result, error, entity_version)
    SELECT lpad(device_id || 'x' || n, 26, '0'), device_id, 'sleep', '{}', 'succeeded', 'user:anna',
           $1::timestamptz - n * interval '30 minutes', $1, 60, 1, '{}', '', 4
    FROM device, generate_series(1, 10) AS n WHERE state = 'active'
    """,
    """
    INSERT INTO device_configuration
        (device_id, version, hash, reported_version, reported_hash, rejected_version, error,
         reported_at, newest_run, edited_over, budget, entity_version)
    SELECT device_id, 2, 'b', 1, 'a', 0, '', $1, 0, 0, 1, 2 FROM device WHERE state = 'active'
    """,
    """
    INSERT INTO device_sequence (device_id, boot_id, received, missing_count)
    SELECT device_id, 7, '{[1,90),[101,200)}', 11 FROM device WHERE state = 'active'
    """,
)
_ROLL = """
    INSERT INTO {table}
    SELECT series_id, date_trunc('{unit}', observed_at, 'UTC'), count(*), sum(value), min(value),
           max(value), (array_agg(value ORDER BY observed_at))[1], min(observed_at),
           (array_agg(value ORDER BY observed_at DESC))[1], max(observed_at),
           sum(value * value), sum(greatest(value, 0)), sum(least(value, 0)), NULL
    FROM reading WHERE observed_at < $1::timestamptz GROUP BY 1, 2
    """


async def furnish(connection: Connection) -> None:
    """Fill a migrated, empty database."""
    for statement in _STATEMENTS:
        arguments = [NOW] if "$1" in statement else []
        await connection.execute(statement, *arguments)
    for unit in ("minute", "hour", "day"):
        await connection.execute(_ROLL.format(table=f"rollup_{unit}", unit=unit), NOW)
    await connection.execute("ANALYZE")
