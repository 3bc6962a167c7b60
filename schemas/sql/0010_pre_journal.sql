-- The journal becomes complete: every row of `site`, `device` and `series` can be rebuilt from it.

-- The shape of `data`: which version of its type it is.
ALTER TABLE journal ADD COLUMN type_version integer NOT NULL DEFAULT 1 CHECK (type_version >= 1);
-- What an operator filters by, newest first.
CREATE INDEX journal_entity ON journal (entity_id, position);
CREATE INDEX journal_type ON journal (type, position);
CREATE INDEX journal_actor ON journal (actor, position);
CREATE INDEX journal_time ON journal USING brin (recorded_at);

ALTER TABLE site ADD COLUMN entity_version bigint NOT NULL DEFAULT 1;

ALTER TABLE device DROP CONSTRAINT device_state_check;
ALTER TABLE device ADD CONSTRAINT device_state_check
    CHECK (state IN ('pending', 'active', 'disabled'));
ALTER TABLE device ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 200);
-- Beside `state`, which is what the device comes back with.
ALTER TABLE device ADD COLUMN is_deleted boolean NOT NULL DEFAULT false;
-- Those whose messages are kept aside: few, whatever the number of devices.
DROP INDEX device_pending;
CREATE INDEX device_held ON device (serial) WHERE state <> 'active' OR is_deleted;

-- Counts the changes of who is let in, so that whoever remembers it learns with one row that it is
-- out of date.
CREATE TABLE admission (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO admission DEFAULT VALUES;

-- `unit`, `description` and `kind` are what holds. Where an operator has said it, `overridden` names
-- it, and what the device says waits beside it.
ALTER TABLE series ADD COLUMN entity_version bigint NOT NULL DEFAULT 1;
ALTER TABLE series ADD COLUMN announced_unit text NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN announced_description text NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN announced_kind text NOT NULL DEFAULT 'gauge'
    CHECK (announced_kind IN ('gauge', 'total', 'total_increasing'));
ALTER TABLE series ADD COLUMN overridden text[] NOT NULL DEFAULT '{}';
UPDATE series
SET announced_unit = unit, announced_description = description, announced_kind = kind;

-- What is there was not journalled, or not with its number: an event for each row says all of it.
-- Nobody may append meanwhile.
LOCK TABLE device, series IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_advisory_xact_lock(hashtextextended('weir.journal', 0));

INSERT INTO journal (entity, entity_id, entity_version, type, data, actor)
SELECT 'site',
       CASE WHEN organisation.slug = 'default' THEN site.slug
            ELSE organisation.slug || '/' || site.slug END,
       site.entity_version, 'site_adopted',
       jsonb_build_object('site_id', site_id, 'name', site.name, 'time_zone', time_zone,
                          'created_at', site.recorded_at),
       'weir'
FROM site JOIN organisation USING (org_id) ORDER BY site_id;

UPDATE device SET entity_version = entity_version + 1;
INSERT INTO journal (entity, entity_id, entity_version, type, data, actor)
SELECT 'device', serial, device.entity_version, 'device_adopted',
       jsonb_build_object('device_id', device_id, 'organisation', organisation.slug,
                          'site', site.slug, 'state', state, 'model', model,
                          'firmware', firmware, 'sample_rate_hz', sample_rate_hz,
                          'boot_id', boot_id, 'created_at', enrolled_at),
       'weir'
FROM device JOIN site USING (site_id) JOIN organisation USING (org_id) ORDER BY device_id;

INSERT INTO journal (entity, entity_id, entity_version, type, data, actor)
SELECT 'series', serial || '/' || field, series.entity_version, 'series_adopted',
       jsonb_build_object('series_id', series_id, 'unit', unit, 'description', description,
                          'kind', kind, 'created_at', series.recorded_at),
       'weir'
FROM series JOIN device USING (device_id) ORDER BY series_id;
