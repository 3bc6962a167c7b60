"""What commands that read files are told about cells: the options that they share, and checks."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from weir.errors import ConfigError

TimeFormat = Annotated[
    str | None, typer.Option(metavar="FORMAT", help="Of other times: '%d.%m.%Y %H:%M'.")
]
Zone = Annotated[
    str, typer.Option(metavar="ZONE", help="Of times that name none, such as Europe/Berlin.")
]
Missing = Annotated[
    list[str] | None,
    typer.Option(metavar="VALUE", help="What stands for no value, besides nothing, NaN and NA."),
]
Delimiter = Annotated[str, typer.Option(metavar="CHAR", help="What separates cells.")]
Decimal = Annotated[str, typer.Option(metavar="CHAR", help="The decimal mark of numbers.")]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Encoding of the file.")]


def zone(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        ConfigError: none of that name is known here.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"--timezone {name}: no such time zone is known here") from error


def one_character(option: str, text: str) -> str:
    r"""Take one character; a tab may be spelled `\t`, as shells make it hard.

    Raises:
        ConfigError: it is none, or several.
    """
    character = "\t" if text == r"\t" else text
    if len(character) != 1:
        raise ConfigError(f"{option} {text}: one character")
    return character
