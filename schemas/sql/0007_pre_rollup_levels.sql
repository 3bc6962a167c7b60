-- Minutes roll into hours, hours into days of UTC, and of the site where that has a time zone of its
-- own. One shape for every level, so that one query reads all.

-- `rise`: how much a counter rose from the first reading of the bucket to its last; NULL for a gauge.
-- What it rose from the bucket before is known only beside that bucket, so it is added when asked for.
-- Order-free, as everything here: a late reading changes its own bucket and no other.
ALTER TABLE rollup_minute ADD COLUMN rise double precision;

-- Minutes are the many: they get partitions, so that retention can drop them whole.
DO $$
DECLARE
    partitioning text := '';
BEGIN
    ALTER TABLE rollup_minute RENAME TO rollup_minute_0004;
    ALTER TABLE rollup_minute_0004 DROP CONSTRAINT rollup_minute_pkey;
    IF storage_mode() = 'plain' THEN
        partitioning := 'PARTITION BY RANGE (bucket)';
    END IF;
    EXECUTE 'CREATE TABLE rollup_minute (
        LIKE rollup_minute_0004 INCLUDING CONSTRAINTS,
        PRIMARY KEY (series_id, bucket)) ' || partitioning;
    IF storage_mode() = 'timescaledb' THEN
        PERFORM create_hypertable('rollup_minute', 'bucket',
            chunk_time_interval => interval '30 days', create_default_indexes => false);
    ELSE
        CREATE TABLE rollup_minute_default PARTITION OF rollup_minute DEFAULT;
    END IF;
    INSERT INTO rollup_minute SELECT * FROM rollup_minute_0004;
    DROP TABLE rollup_minute_0004;
END
$$;

-- The bucket that is under way is written every minute: room on the page keeps those updates cheap.
CREATE TABLE rollup_hour (
    LIKE rollup_minute INCLUDING CONSTRAINTS,
    PRIMARY KEY (series_id, bucket)
) WITH (fillfactor = 70);
CREATE TABLE rollup_day (
    LIKE rollup_minute INCLUDING CONSTRAINTS,
    PRIMARY KEY (series_id, bucket)
) WITH (fillfactor = 70);

-- Only where the site's time zone is not UTC. `bucket` is the instant of local midnight in `time_zone`,
-- which a change of the site leaves behind until the days are computed again.
CREATE TABLE rollup_site_day (
    LIKE rollup_minute INCLUDING CONSTRAINTS,
    time_zone text NOT NULL,
    PRIMARY KEY (series_id, bucket)
) WITH (fillfactor = 70);

-- From when on a series still has what its rollups are computed from; no row: everything.
CREATE TABLE series_kept (
    series_id   integer PRIMARY KEY,
    raw_from    timestamptz NOT NULL DEFAULT '-infinity',
    minute_from timestamptz NOT NULL DEFAULT '-infinity',
    hour_from   timestamptz NOT NULL DEFAULT '-infinity',
    day_from    timestamptz NOT NULL DEFAULT '-infinity'
);

-- A bucket as it was when what it was computed from had gone and something late came: what came is
-- joined to this, however often that is repeated. `count` is 0 where there was no bucket. Gone again
-- when the late readings are dropped.
CREATE TABLE rollup_sealed (
    LIKE rollup_minute,
    level text NOT NULL CHECK (level IN ('minute', 'hour', 'day', 'site_day')),
    PRIMARY KEY (level, series_id, bucket)
);

-- Rollups to compute again, asked for by whoever changed what they depend on, in the same transaction:
-- the kind of a series, the time zone of its site, or its readings, by deleting some. Worked off day by
-- day; `done_until` tells how far.
CREATE TABLE rollup_request (
    request_id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    series_id    integer NOT NULL,
    since        timestamptz NOT NULL DEFAULT '-infinity',
    until        timestamptz NOT NULL DEFAULT 'infinity',
    reason       text NOT NULL CHECK (reason IN ('kind', 'time_zone', 'deletion', 'rebuild')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    done_until   timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX rollup_request_series ON rollup_request (series_id);

-- Every reading that the broker took before `rolled_until` is in the rollups. Later buckets may miss
-- some: a query takes them from the readings themselves.
CREATE TABLE rollup_progress (
    stream       text PRIMARY KEY,
    rolled_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Up to which offset of each stream readings of a day were stored, for days that are no longer new:
-- a day may be dropped when the rollups have passed all of them.
CREATE TABLE reading_arrival (
    day         date NOT NULL,
    stream      text NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (day, stream)
) WITH (fillfactor = 50);

-- Readings that an operator wants deleted. The deletion takes its turn in the stream, where it is only
-- named: so a replay deletes the same, and no device can make one up.
CREATE TABLE reading_deletion (
    deletion_id   uuid PRIMARY KEY,
    device_id     integer NOT NULL REFERENCES device ON DELETE CASCADE,
    -- None: all of the device.
    fields        text[] NOT NULL,
    since         timestamptz NOT NULL,
    until         timestamptz NOT NULL CHECK (until > since),
    actor         text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    applied_at    timestamptz,
    deleted_count bigint
);
CREATE INDEX reading_deletion_device ON reading_deletion (device_id);

-- How much a counter rises from one value to the next. A meter that counts only upwards and shows less
-- than nine tenths of what it showed was set to zero, and has counted from there; a smaller dip is
-- noise (the rule of Home Assistant's sensor recorder, `reset_detected`).
CREATE FUNCTION counter_rise(kind text, previous double precision, value double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind = 'total_increasing' AND value < 0.9 * previous THEN value
                ELSE value - previous END
$$;

-- Make the partitions of `rollup_minute` for the months from `first_day` to `last_day`; gives the number
-- made. Rows that went to the default partition meanwhile are moved. Safe to repeat, and to call from
-- two sessions.
CREATE FUNCTION ensure_minute_partitions(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month      date;
    partition  text;
    since      timestamptz;
    until      timestamptz;
    made_count integer := 0;
BEGIN
    IF storage_mode() <> 'plain' THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('weir.minute_partitions', 0));
    FOR month IN
        SELECT generate_series(date_trunc('month', first_day::timestamp), last_day, interval '1 month')
    LOOP
        partition := 'rollup_minute_' || to_char(month, 'YYYYMM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        since := month::timestamp AT TIME ZONE 'UTC';
        until := (month::timestamp + interval '1 month') AT TIME ZONE 'UTC';
        EXECUTE format('CREATE TABLE %I (LIKE rollup_minute INCLUDING ALL)', partition);
        EXECUTE format(
            'WITH moved AS (DELETE FROM rollup_minute_default
                            WHERE bucket >= %1$L AND bucket < %2$L RETURNING *)
             INSERT INTO %3$I SELECT * FROM moved',
            since, until, partition);
        EXECUTE format('ALTER TABLE rollup_minute ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, since, until);
        made_count := made_count + 1;
    END LOOP;
    RETURN made_count;
END
$$;
