"""Show a sensor, as the earlier tool did: the same as `iotctl devices show`.

Example:
    iotctl sensor-status -s crane-7
"""

from cli._earlier import Sensor
from cli._output import Format, Output
from cli._watch import watchable
from cli.devices import show


@watchable
def command(*, serial: Sensor, output: Output = Format.TABLE) -> None:
    """Show a sensor, as `iotctl devices show` does."""
    show(serial, output)
