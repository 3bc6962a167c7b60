-- Commands to devices: what became of each. All of it can be folded from the journal again.

-- The id ascends with time, so that a list by id is a list by age.
CREATE TABLE command (
    command_id     text COLLATE "C" PRIMARY KEY CHECK (command_id ~ '^[0-9a-z]{26}$'),
    device_id      integer NOT NULL REFERENCES device ON DELETE CASCADE,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    parameters     jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    state          text NOT NULL
                   CHECK (state IN ('requested', 'sent', 'delivered', 'succeeded', 'failed',
                                    'timed_out', 'expired', 'cancelled')),
    requested_by   text NOT NULL,
    correlation_id text,
    -- Commands that were requested together.
    group_id       text COLLATE "C",
    requested_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    timeout_s      double precision NOT NULL CHECK (timeout_s > 0),
    attempt_count  integer NOT NULL,
    sent_at        timestamptz,
    delivered_at   timestamptz,
    ended_at       timestamptz,
    result         jsonb NOT NULL,
    error          text NOT NULL,
    -- What the device said when the command had been given up.
    late_status    text,
    late_at        timestamptz,
    -- When nobody waits for it any more; null: it has ended.
    due_at         timestamptz,
    entity_version bigint NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX command_device ON command (device_id, command_id);
CREATE INDEX command_group ON command (group_id, command_id) WHERE group_id IS NOT NULL;
-- What is under way is little, whatever the number of commands.
CREATE INDEX command_waiting ON command (device_id, state, command_id) WHERE due_at IS NOT NULL;
CREATE INDEX command_due ON command (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX command_ended ON command (ended_at) WHERE ended_at IS NOT NULL;
