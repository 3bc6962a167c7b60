"""Change how often a sensor samples, as the earlier tool did, in samples a second.

The same as `iotctl commands send SERIAL change_sample_frequency -p frequency_hz=HZ`; also spelled
changeSampleFrequency.

Examples:
    iotctl change-sample-frequency -s crane-7 -f 50
    iotctl change-sample-frequency --all -f 50
"""

from typing import Annotated

import typer

from cli._earlier import All, AnySensor, Wait, send_to
from cli._output import Format, Output


def command(
    *,
    frequency: Annotated[
        float, typer.Option("--frequency", "-f", metavar="HZ", help="Samples a second.")
    ],
    serial: AnySensor = None,
    is_all: All = False,
    wait: Wait = False,
    output: Output = Format.TABLE,
) -> None:
    """Change how often a sensor samples."""
    parameters = {"frequency_hz": frequency}
    send_to(serial, "change_sample_frequency", parameters, is_all=is_all, wait=wait, output=output)
