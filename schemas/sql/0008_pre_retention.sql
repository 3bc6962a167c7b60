-- How long everything is kept: by the installation, by a site, by a class of series.

-- What a series is, as far as keeping it is concerned: `vibration` takes a thousand times the room of
-- `temperature`. Given by whoever operates the installation; '' is no class.
ALTER TABLE series ADD COLUMN class text NOT NULL DEFAULT ''
    CHECK (class ~ '^([a-z0-9][a-z0-9-]{0,62})?$');
CREATE INDEX series_class ON series (class) WHERE class <> '';

-- One age of one policy; an age that a policy does not have is that of the next wider one. A row with
-- neither site nor class is the installation's. `days` is NULL: for ever.
CREATE TABLE retention_age (
    site_id integer REFERENCES site ON DELETE CASCADE,
    class   text CHECK (class ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    layer   text NOT NULL
            CHECK (layer IN ('raw', 'minute', 'hour', 'day', 'event', 'location')),
    days    integer CHECK (days BETWEEN 1 AND 36525),
    CHECK (site_id IS NULL OR class IS NULL),
    UNIQUE NULLS NOT DISTINCT (site_id, class, layer)
);
INSERT INTO retention_age (layer, days) VALUES
    ('raw', 30), ('minute', 180), ('hour', NULL), ('day', NULL), ('event', NULL), ('location', NULL);
