"""Version 1 of the telemetry contract, generated from `proto/weir/telemetry/v1`."""
