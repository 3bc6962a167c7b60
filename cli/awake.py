"""Wake sensors, as the earlier tool did: the same as `iotctl commands send SERIAL awake`.

Examples:
    iotctl awake -s crane-7
    iotctl awake --all
"""

from cli._earlier import All, AnySensor, Wait, send_to
from cli._output import Format, Output


def command(
    *,
    serial: AnySensor = None,
    is_all: All = False,
    wait: Wait = False,
    output: Output = Format.TABLE,
) -> None:
    """Wake sensors, as `iotctl commands send SERIAL awake` does."""
    send_to(serial, "awake", {}, is_all=is_all, wait=wait, output=output)
