-- Who measures what: organisation -> site -> device -> series. And the journal of what changed.

CREATE TABLE organisation (
    org_id      integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug        text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE site (
    site_id     integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    org_id      integer NOT NULL REFERENCES organisation,
    slug        text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone   text NOT NULL DEFAULT 'UTC',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, slug)
);

CREATE TABLE device (
    device_id      integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    serial         text NOT NULL UNIQUE CHECK (serial ~ '^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$'),
    site_id        integer NOT NULL REFERENCES site,
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('pending', 'active')),
    model          text NOT NULL DEFAULT '',
    firmware       text NOT NULL DEFAULT '',
    sample_rate_hz double precision NOT NULL DEFAULT 0,
    boot_id        bigint NOT NULL DEFAULT 0,
    entity_version bigint NOT NULL DEFAULT 1,
    enrolled_at    timestamptz NOT NULL DEFAULT now(),
    announced_at   timestamptz
);
CREATE INDEX device_site ON device (site_id);
CREATE INDEX device_pending ON device (serial) WHERE state = 'pending';

-- How recently a device was heard of. Beside `device`, because it changes all the time: narrow rows
-- with room on the page stay heap-only updates.
CREATE TABLE device_activity (
    device_id        integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    last_seen_at     timestamptz NOT NULL,
    last_observed_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- A series is (device, field): one small integer in every reading.
CREATE TABLE series (
    series_id   integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_id   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    field       text NOT NULL CHECK (length(field) BETWEEN 1 AND 200),
    unit        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    kind        text NOT NULL DEFAULT 'gauge'
                CHECK (kind IN ('gauge', 'total', 'total_increasing')),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, field)
);

-- Domain events, in commit order: whoever appends holds the journal's advisory lock, so no position
-- becomes visible after a later one.
CREATE TABLE journal (
    position       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    entity         text NOT NULL,
    entity_id      text NOT NULL,
    entity_version bigint NOT NULL,
    type           text NOT NULL,
    data           jsonb NOT NULL,
    actor          text NOT NULL,
    correlation_id text,
    causation_id   text,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (entity, entity_id, entity_version)
);

-- Every installation has one organisation to begin with, and a site for devices that nobody has
-- assigned yet.
INSERT INTO organisation (slug, name) VALUES ('default', 'Default organisation');
INSERT INTO site (org_id, slug, name)
SELECT org_id, 'unassigned', 'Not assigned yet' FROM organisation WHERE slug = 'default';
