"""Put sensors to sleep, as the earlier tool did: the same as `iotctl commands send SERIAL sleep`.

Examples:
    iotctl sleep -s crane-7
    iotctl sleep --all
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
    """Put sensors to sleep, as `iotctl commands send SERIAL sleep` does."""
    send_to(serial, "sleep", {}, is_all=is_all, wait=wait, output=output)
