"""The JSON forms of telemetry: the same meaning, bounds and errors as the protobuf messages.

For devices that cannot do better. Each form is read into its protobuf message and then checked by
the very decoder of that message, so that the two cannot come to differ. The exception are events,
whose data are JSON in both.
"""
