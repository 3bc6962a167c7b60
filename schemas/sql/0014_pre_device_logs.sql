-- The log lines of devices, for some days. A native partition for each UTC day, with TimescaleDB as
-- well: days come and go as a whole, and nothing is ever computed over them.

-- Ascends in the order of commits, because one writer at a time holds the checkpoint of the stream.
CREATE SEQUENCE device_log_position;

-- `placed_at` is where a line stands in time: what its device says where that can be, else when the line
-- came. The digest is of what makes a line itself, so that one which its device publishes again meets its
-- own key. `level`: 1 debug to 5 critical, as on the wire.
CREATE TABLE device_log (
    device_id   integer NOT NULL,
    placed_at   timestamptz NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 16),
    position    bigint NOT NULL DEFAULT nextval('device_log_position'),
    level       smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    message     text NOT NULL,
    attributes  jsonb NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
    logged_at   timestamptz,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, placed_at, digest)
) PARTITION BY RANGE (placed_at);
-- A window over all devices; and whatever has come behind a position.
CREATE INDEX device_log_time ON device_log (placed_at);
CREATE INDEX device_log_position_key ON device_log (position);

-- Make the partitions of these UTC days; gives the number made. Safe to repeat, and to call from two
-- sessions.
CREATE FUNCTION ensure_device_log_partitions(days date[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    day        date;
    partition  text;
    made_count integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('weir.device_log_partitions', 0));
    FOREACH day IN ARRAY days LOOP
        partition := 'device_log_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- Attaching what was made beside the table lets others go on reading and writing it.
        EXECUTE format('CREATE TABLE %I (LIKE device_log INCLUDING ALL)', partition);
        EXECUTE format('ALTER TABLE device_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition,
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        made_count := made_count + 1;
    END LOOP;
    RETURN made_count;
END
$$;

-- What a flood of a device has cost and was not told yet: told in a line of its own, and then forgotten.
CREATE TABLE device_log_flood (
    device_id  integer PRIMARY KEY,
    line_count bigint NOT NULL CHECK (line_count > 0),
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT now()
);
