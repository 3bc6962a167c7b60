-- The measurements. One narrow table for numbers and one for texts, keyed by series and time:
-- hypertables where TimescaleDB is loaded, native partitions of one UTC day elsewhere. Everything
-- above these tables is the same in both modes.

CREATE FUNCTION storage_mode() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
           THEN 'timescaledb' ELSE 'plain' END
$$;

-- The loader's own setting exists exactly where the library was preloaded; creating the extension
-- without that would end the session.
DO $$
BEGIN
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'TimescaleDB is loaded, but this role may not create it: using native partitions';
END
$$;

DO $$
DECLARE
    partitioning text := '';
BEGIN
    IF storage_mode() = 'plain' THEN
        partitioning := 'PARTITION BY RANGE (observed_at)';
    END IF;
    EXECUTE 'CREATE TABLE reading (
        series_id   integer NOT NULL,
        observed_at timestamptz NOT NULL,
        value       double precision NOT NULL,
        PRIMARY KEY (series_id, observed_at)) ' || partitioning;
    EXECUTE 'CREATE TABLE text_reading (
        series_id   integer NOT NULL,
        observed_at timestamptz NOT NULL,
        value       text NOT NULL,
        PRIMARY KEY (series_id, observed_at)) ' || partitioning;
    IF storage_mode() = 'timescaledb' THEN
        PERFORM create_hypertable('reading', 'observed_at',
            chunk_time_interval => interval '1 day', create_default_indexes => false);
        PERFORM create_hypertable('text_reading', 'observed_at',
            chunk_time_interval => interval '30 days', create_default_indexes => false);
    ELSE
        -- A reading for a day without a partition is stored, not refused.
        CREATE TABLE reading_default PARTITION OF reading DEFAULT;
        CREATE TABLE text_reading_default PARTITION OF text_reading DEFAULT;
    END IF;
END
$$;

-- Make the partitions of the UTC days from `first_day` to `last_day`; gives the number made. Rows that
-- went to the default partition meanwhile are moved. Safe to repeat, and to call from two sessions.
CREATE FUNCTION ensure_reading_partitions(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    day        date;
    partition  text;
    made_count integer := 0;
BEGIN
    IF storage_mode() <> 'plain' THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('weir.reading_partitions', 0));
    FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        partition := 'reading_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', partition);
        EXECUTE format(
            'WITH moved AS (DELETE FROM reading_default
                            WHERE observed_at >= %1$L AND observed_at < %2$L RETURNING *)
             INSERT INTO %3$I SELECT * FROM moved',
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC', partition);
        EXECUTE format('ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition,
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        made_count := made_count + 1;
    END LOOP;
    RETURN made_count;
END
$$;

-- How far each consumer has read each stream. Moved in the transaction that stores what was read, and
-- only from the value that its writer knows, so two writers of one stream cannot both commit.
CREATE TABLE stream_offset (
    consumer    text NOT NULL,
    stream      text NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, stream)
) WITH (fillfactor = 50);
