"""The telemetry contract as Python classes, generated from `proto/`."""
