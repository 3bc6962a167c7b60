-- Which batches of a device's boot have arrived, as a multirange: what it has no place for is a gap,
-- and a gap closes by itself when the late batch comes.

CREATE TABLE device_sequence (
    device_id     integer NOT NULL REFERENCES device ON DELETE CASCADE,
    boot_id       bigint NOT NULL,
    received      int8multirange NOT NULL,
    missing_count bigint NOT NULL DEFAULT 0,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, boot_id)
) WITH (fillfactor = 70);
CREATE INDEX device_sequence_gaps ON device_sequence (device_id) WHERE missing_count > 0;

-- Batches are counted from 1.
CREATE FUNCTION missing_sequences(received int8multirange) RETURNS int8multirange
LANGUAGE sql IMMUTABLE AS $$
    SELECT int8multirange(int8range(1, upper(received))) - received
$$;

CREATE FUNCTION count_sequences(ranges int8multirange) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM unnest(ranges) AS r
$$;
