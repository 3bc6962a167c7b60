-- Whether devices are there: what the journal says of it, and what devices have told last.

-- As the events of the entity `presence` add up; without a row it was never heard of. `budget`: how many
-- changes may be journalled, as of `changed_at`.
CREATE TABLE device_presence (
    device_id      integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    is_online      boolean NOT NULL,
    reason         text NOT NULL,
    changed_at     timestamptz NOT NULL,
    budget         double precision NOT NULL,
    entity_version bigint NOT NULL
) WITH (fillfactor = 70);

-- What a device has said of its connection last: no event, because it may flap as it likes.
CREATE TABLE device_link (
    device_id       integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    connected_at    timestamptz,
    connected_boot  bigint NOT NULL DEFAULT 0,
    connected_clock timestamptz,
    left_at         timestamptz,
    left_reason     text CHECK (left_reason IN ('last_will', 'farewell'))
) WITH (fillfactor = 50);

-- Heard of without a reading: announcements and states count too.
ALTER TABLE device_activity ALTER COLUMN last_observed_at DROP NOT NULL;

-- Beside the schemas of commands, which would have to be read for it; 0: it says nothing.
ALTER TABLE device ADD COLUMN report_interval_ms bigint
    GENERATED ALWAYS AS (coalesce((capabilities ->> 'report_interval_ms')::bigint, 0)) STORED;
