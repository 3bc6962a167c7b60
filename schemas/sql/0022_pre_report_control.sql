-- What is sent to devices, for dashboards: commands without what they say, configurations without what
-- is in them.

CREATE VIEW report.command AS
SELECT command_id, serial, command.name, command.state, requested_by, requested_at, sent_at,
       delivered_at, ended_at, expires_at, attempt_count,
       extract(epoch FROM ended_at - requested_at)::double precision AS duration_s
FROM command JOIN device USING (device_id);
-- Ids ascend with time, but a window of time is what a dashboard asks for.
CREATE INDEX command_requested ON command USING brin (requested_at);

-- The state is that of weir/model/configuration_sync.py.
CREATE VIEW report.configuration AS
SELECT serial, CASE
           WHEN version = 0 OR reported_at IS NULL THEN 'unknown'
           WHEN reported_hash = hash OR (reported_version = version AND reported_hash = '')
               THEN 'in_sync'
           WHEN rejected_version = version THEN 'rejected'
           WHEN reported_version > version THEN 'unknown'
           ELSE 'pending' END AS state,
       version, reported_version, rejected_version, reported_at, sent_at, sent_count
FROM device_configuration JOIN device USING (device_id)
LEFT JOIN configuration_delivery USING (device_id);
