"""Checks of what the gateway can see: each `check(installation)` gives what it has found."""
