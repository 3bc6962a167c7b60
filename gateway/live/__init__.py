"""Live streams of readings, from the measurement log and never ahead of what is stored.

One `Tap` for the whole gateway reads the log while anybody listens; each listener walks through
what the tap holds with places of its own (`docs/adr/0012-live-streams.md`).
"""
