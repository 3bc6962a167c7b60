"""What the words of the earlier tool have in common: the option that names a sensor."""

from typing import Annotated

import typer

from cli._completion import complete_serial

Sensor = Annotated[
    str,
    typer.Option(
        "--serial",
        "-s",
        metavar="SERIAL",
        autocompletion=complete_serial,
        help="Serial of the device.",
    ),
]
