"""The edge agent: polls devices, keeps what it read until the broker has it, does as it is told."""
