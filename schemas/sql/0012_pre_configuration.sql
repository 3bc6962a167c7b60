-- How devices are to be set, and what they say that they run.

-- As the events of the entity `configuration` add up. `version`, `document`, `hash`: what is wanted, 0 and
-- null: nothing. `reported_at` null: the device has never said what it runs. `edited_over`: the version
-- that somebody has edited away at the device. `budget`: how many reports may be journalled, as of
-- `reported_at`.
CREATE TABLE device_configuration (
    device_id         integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    version           bigint NOT NULL,
    document          jsonb,
    hash              text NOT NULL,
    reported_version  bigint NOT NULL,
    reported_hash     text NOT NULL,
    reported_document jsonb,
    rejected_version  bigint NOT NULL,
    error             text NOT NULL,
    reported_at       timestamptz,
    newest_run        bigint NOT NULL,
    edited_over       bigint NOT NULL,
    budget            double precision NOT NULL,
    entity_version    bigint NOT NULL
);

-- What is to be published to a device, and what was: no event, and not rebuilt. `occasion` counts the
-- occasions to look at it, so that none is lost that comes while another one is settled. `waiting`: a
-- report that has come too soon after others, to be taken note of later.
CREATE TABLE configuration_delivery (
    device_id    integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    due_at       timestamptz,
    occasion     bigint NOT NULL DEFAULT 0,
    sent_version bigint NOT NULL DEFAULT 0,
    sent_at      timestamptz,
    sent_count   integer NOT NULL DEFAULT 0,
    waiting      jsonb
) WITH (fillfactor = 70);
CREATE INDEX configuration_due ON configuration_delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX configuration_waiting ON configuration_delivery (device_id) WHERE waiting IS NOT NULL;
