-- What devices tell beside their readings: what happened, and where they were. Ordinary tables: they
-- are small beside the readings. No foreign keys, as for readings: the writer made the ids, and a check
-- for each row would cost more than the row.

-- The digest is over the data in one spelling (sorted keys, no spaces), so that an event that is sent
-- again meets its own key, while two different events of one instant are both kept.
CREATE TABLE device_event (
    device_id   integer NOT NULL,
    observed_at timestamptz NOT NULL,
    type        text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    digest      bytea NOT NULL CHECK (length(digest) = 16),
    data        jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, observed_at, type, digest)
);
-- All outages of a week; and everything of the last hour, on every device.
CREATE INDEX device_event_type ON device_event (type, observed_at);
CREATE INDEX device_event_time ON device_event (observed_at);

-- WGS 84. The first location of an instant stays, like the first value of a reading.
CREATE TABLE location (
    device_id     integer NOT NULL,
    observed_at   timestamptz NOT NULL,
    latitude_deg  double precision NOT NULL CHECK (latitude_deg BETWEEN -90 AND 90),
    longitude_deg double precision NOT NULL CHECK (longitude_deg BETWEEN -180 AND 180),
    altitude_m    real,
    speed_mps     real,
    heading_deg   real,
    fix           text NOT NULL
                  CHECK (fix IN ('unknown', 'none', '2d', '3d', 'differential')),
    PRIMARY KEY (device_id, observed_at)
);
-- A track is a range of the key. For a window over all devices, and for retention, an index of a few
-- pages is enough, because locations come nearly in order of time.
CREATE INDEX location_time ON location USING brin (observed_at);
