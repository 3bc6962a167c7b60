"""The consumers: one file each, found by looking, run with `iotctl run <name>`."""
