-- What any consumer rejected, byte for byte, with everything that a replay needs.

CREATE TABLE dead_letter (
    dead_letter_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    state          text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'replayed', 'discarded')),
    reason         text NOT NULL,
    error          text NOT NULL,
    consumer       text NOT NULL,
    source         text NOT NULL,
    source_offset  bigint,
    exchange       text NOT NULL,
    routing_key    text NOT NULL,
    headers        jsonb NOT NULL DEFAULT '{}',
    body           bytea NOT NULL,
    serial         text,
    attempts       integer NOT NULL CHECK (attempts >= 1),
    first_seen_at  timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    settled_at     timestamptz
);
-- Reading the same stream again keeps the same message once. The body tells a stream apart from one
-- that was deleted and made anew, with the same offsets.
CREATE UNIQUE INDEX dead_letter_origin ON dead_letter (consumer, source, source_offset, md5(body))
    WHERE source_offset IS NOT NULL;
CREATE INDEX dead_letter_reason ON dead_letter (reason, dead_letter_id);
CREATE INDEX dead_letter_serial ON dead_letter (serial, dead_letter_id) WHERE serial IS NOT NULL;
