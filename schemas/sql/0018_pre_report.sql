-- What dashboards and reports read: names and columns here stay as they are, whatever becomes of the
-- tables below; more may be added. Nothing secret is in them, so `weir_readonly` may read all of them
-- and nothing else. Views read as their owner; functions read the views, as whoever calls them.

CREATE VIEW report.device AS
SELECT serial, device.name, organisation.slug AS organisation, site.slug AS site,
       CASE WHEN is_deleted THEN 'deleted' ELSE device.state END AS state,
       CASE is_online WHEN true THEN 'online' WHEN false THEN 'offline' ELSE 'never_seen' END
           AS presence,
       reason AS presence_reason, changed_at AS presence_changed_at,
       model, firmware, enrolled_at, announced_at, last_seen_at, last_observed_at, device_id
FROM device JOIN site USING (site_id) JOIN organisation USING (org_id)
LEFT JOIN device_activity USING (device_id) LEFT JOIN device_presence USING (device_id);

CREATE VIEW report.site AS
SELECT organisation.slug AS organisation, site.slug AS site, site.name, time_zone,
       (SELECT count(*) FROM device WHERE device.site_id = site.site_id AND NOT is_deleted)
           AS device_count
FROM site JOIN organisation USING (org_id);

CREATE VIEW report.series AS
SELECT series_id, serial, field, unit, description, kind, class, device_id
FROM series JOIN device USING (device_id);

-- By `series_id`, so that a query touches what it names only: join `report.series` for the rest.
CREATE VIEW report.reading AS SELECT series_id, observed_at, value FROM reading;
CREATE VIEW report.text_reading AS SELECT series_id, observed_at, value FROM text_reading;
CREATE VIEW report.minute AS
SELECT series_id, bucket, count, sum, min, max, first_value, first_at, last_value, last_at, rise
FROM rollup_minute;
CREATE VIEW report.hour AS
SELECT series_id, bucket, count, sum, min, max, first_value, first_at, last_value, last_at, rise
FROM rollup_hour;
CREATE VIEW report.day AS
SELECT series_id, bucket, count, sum, min, max, first_value, first_at, last_value, last_at, rise
FROM rollup_day;
-- From when on each level of a series is complete; no row: from the beginning.
CREATE VIEW report.kept AS
SELECT series_id, raw_from, minute_from, hour_from, day_from FROM series_kept;

CREATE VIEW report.device_event AS
SELECT serial, observed_at, type, data FROM device_event JOIN device USING (device_id);

CREATE VIEW report.device_log AS
SELECT serial, placed_at, (ARRAY['debug', 'info', 'warning', 'error', 'critical'])[level] AS level,
       message, attributes, position, received_at
FROM device_log JOIN device USING (device_id);

CREATE VIEW report.location AS
SELECT serial, observed_at, latitude_deg, longitude_deg, altitude_m, speed_mps, heading_deg, fix
FROM location JOIN device USING (device_id);

CREATE VIEW report.last_location AS
SELECT serial, device.name, site.slug AS site, last.*
FROM device JOIN site USING (site_id)
CROSS JOIN LATERAL (
    SELECT observed_at, latitude_deg, longitude_deg, altitude_m, speed_mps, heading_deg, fix
    FROM location WHERE location.device_id = device.device_id
    ORDER BY observed_at DESC LIMIT 1) AS last
WHERE NOT is_deleted;

-- Neither bodies nor errors: they may quote what a device should not have sent.
CREATE VIEW report.dead_letter AS
SELECT dead_letter_id, state, reason, consumer, source, routing_key, serial, attempts,
       length(body) AS body_bytes, first_seen_at, recorded_at, settled_at
FROM dead_letter;
-- Letters are kept in the order of time, so a few pages of index are enough for a window.
CREATE INDEX dead_letter_time ON dead_letter USING brin (recorded_at);

CREATE VIEW report.gap AS
SELECT serial, device_sequence.boot_id, missing_count, count_sequences(received) AS received_count,
       recorded_at
FROM device_sequence JOIN device USING (device_id);

-- Who changed what, without the change itself.
CREATE VIEW report.change AS
SELECT position, recorded_at, entity, entity_id, type FROM journal;

-- How far the rollups are: of each stream, and how much is to be computed again.
CREATE VIEW report.rollup_progress AS
SELECT stream, rolled_until, (SELECT count(*) FROM rollup_request) AS request_count
FROM rollup_progress;

-- Which level is read for a span of time: readings for hours, minutes for days, hours for years. A
-- level that has been dropped for some of the span is not chosen, nor readings that are too many for
-- a picture: a channel of 25 kHz is shown by its minutes.
CREATE FUNCTION report.level_of(ids integer[], since timestamptz, until timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    raw_count_max CONSTANT bigint := 100000;
    span interval := until - since;
    kept record;
BEGIN
    SELECT coalesce(max(raw_from), '-infinity') AS raw_from,
           coalesce(max(minute_from), '-infinity') AS minute_from,
           coalesce(max(hour_from), '-infinity') AS hour_from
    INTO kept FROM report.kept WHERE series_id = ANY(ids);
    IF span <= interval '3 hours' AND since >= kept.raw_from
       AND coalesce((SELECT sum(count) FROM report.minute
                     WHERE series_id = ANY(ids) AND bucket >= since AND bucket < until), 0)
           <= raw_count_max
    THEN
        RETURN 'raw';
    ELSIF span <= interval '2 days' AND since >= kept.minute_from THEN
        RETURN 'minute';
    ELSIF span <= interval '400 days' AND since >= kept.hour_from THEN
        RETURN 'hour';
    END IF;
    RETURN 'day';
END
$$;

-- Fields of a device over a span of time, as a picture wants them: at most a point for each `step`, and
-- no more than some two thousand. Averages weigh every reading alike. What the rollups do not have yet
-- is added from the readings, for up to an hour.
CREATE FUNCTION report.curve(
    of_serial text, of_fields text[], since timestamptz, until timestamptz, step interval)
RETURNS TABLE ("time" timestamptz, field text, value double precision,
               low double precision, high double precision, level text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    point_count_max CONSTANT integer := 2000;
    ids    integer[];
    used   text;
    width  interval := greatest(step, (until - since) / point_count_max, interval '1 millisecond');
    tail   timestamptz;
    joint  timestamptz;
    bucketed text := '';
BEGIN
    SELECT array_agg(series_id) INTO ids FROM report.series
    WHERE serial = of_serial AND series.field = ANY(of_fields);
    IF ids IS NULL OR until <= since THEN
        RETURN;
    END IF;
    used := report.level_of(ids, since, until);
    tail := since;
    IF used <> 'raw' THEN
        width := greatest(width, ('1 ' || used)::interval);
        -- As the queries of the gateway do: a device's clock may be a little ahead.
        SELECT greatest(date_trunc('minute', min(rolled_until)) - interval '1 minute',
                        now() - interval '1 hour', since)
        INTO tail FROM report.rollup_progress;
        tail := least(coalesce(tail, since), until);
        joint := greatest(date_trunc(used, tail, 'UTC'), since);
        bucketed := format(
            'SELECT series_id, bucket AS at, count, sum, min, max FROM report.%I
             WHERE series_id = ANY($1) AND bucket >= date_trunc(%L, $2, ''UTC'') AND bucket < $5
             UNION ALL
             SELECT series_id, bucket, count, sum, min, max FROM report.minute
             WHERE series_id = ANY($1) AND bucket >= $5 AND bucket < $6
             UNION ALL ', used, used);
    END IF;
    -- Names come last: numbers are what is cheap to group by.
    RETURN QUERY EXECUTE
        'SELECT CASE WHEN $7 = ''raw'' THEN binned.first_at ELSE binned.bin END, series.field,
                binned.sum / binned.count, binned.min, binned.max, $7
         FROM (
             SELECT series_id, date_bin($4, at, ''2000-01-01Z'') AS bin, min(at) AS first_at,
                    sum(part.sum) AS sum, sum(part.count) AS count, min(part.min) AS min,
                    max(part.max) AS max
             FROM (' || bucketed || '
                 SELECT series_id, observed_at AS at, 1::bigint AS count, reading.value AS sum,
                        reading.value AS min, reading.value AS max
                 FROM report.reading
                 WHERE series_id = ANY($1) AND observed_at >= $6 AND observed_at < $3
             ) AS part GROUP BY 1, 2
         ) AS binned JOIN report.series USING (series_id) ORDER BY 1, 2'
    USING ids, since, until, width, joint, tail, used;
END
$$;

-- The newest value of every field of a device, numbers and texts.
CREATE FUNCTION report.last_values(of_serial text)
RETURNS TABLE (field text, value double precision, text_value text, unit text,
               observed_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT series.field, coalesce(raw.value, rolled.last_value), texts.value, series.unit,
           greatest(raw.observed_at, rolled.last_at, texts.observed_at)
    FROM report.series
    LEFT JOIN LATERAL (
        SELECT last_at, last_value FROM report.day WHERE day.series_id = series.series_id
        ORDER BY bucket DESC LIMIT 1) AS rolled ON true
    LEFT JOIN LATERAL (
        SELECT reading.observed_at, reading.value FROM report.reading
        WHERE reading.series_id = series.series_id
          AND reading.observed_at >= coalesce(rolled.last_at, now() - interval '7 days')
        ORDER BY reading.observed_at DESC LIMIT 1) AS raw ON true
    LEFT JOIN LATERAL (
        SELECT text_reading.observed_at, text_reading.value FROM report.text_reading
        WHERE text_reading.series_id = series.series_id
        ORDER BY text_reading.observed_at DESC LIMIT 1) AS texts ON true
    WHERE series.serial = of_serial
    ORDER BY series.field
$$;
