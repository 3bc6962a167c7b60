"""Delete a sensor, as the earlier tool did: the same as `iotctl devices delete`.

What it has measured stays, and `iotctl devices undelete` brings it back.

Example:
    iotctl delete -s crane-7
"""

from cli import devices
from cli._earlier import Sensor


def command(*, serial: Sensor, yes: devices.Yes = False) -> None:
    """Delete a sensor, as `iotctl devices delete` does."""
    devices.delete([serial], yes=yes)
