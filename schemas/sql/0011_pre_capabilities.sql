-- What a device declares that it can do beside measuring: commands, writable fields, the schema of its
-- configuration, how long it may be silent. As the event device_described has it.
ALTER TABLE device ADD COLUMN capabilities jsonb NOT NULL DEFAULT
    '{"commands": [], "writable": [], "configuration_schema": null, "report_interval_ms": 0}';
