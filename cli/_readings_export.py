"""`iotctl readings export`: all readings or buckets of a range, as a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli._client import open_gateway
from cli._output import print_note
from cli._readings_options import (
    Fields,
    Filling,
    Functions,
    MaxPoints,
    Serials,
    Since,
    Until,
    Width,
    Zone,
    bucket_parameters,
    series_parameters,
)
from weir.errors import ConfigError
from weir.model.query import Days, Fill, Resolution

PATH = "/v1/readings"
#: Of a file that is not whole yet.
PARTIAL_SUFFIX = ".part"


class FileFormat(StrEnum):
    """What a file is written as."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    ARROW = "arrow"


_BY_SUFFIX = {
    ".csv": FileFormat.CSV,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".arrow": FileFormat.ARROW,
    ".arrows": FileFormat.ARROW,
}
_BINARY = frozenset({FileFormat.PARQUET, FileFormat.ARROW})


def export(
    serial: Serials,
    field: Fields = None,
    *,
    since: Since = None,
    until: Until = None,
    resolution: Width = Resolution.RAW,
    function: Functions = None,
    fill: Filling = Fill.NONE,
    time_zone: Zone = Days.UTC,
    max_points: MaxPoints = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="Without it, what FILE ends with, or csv.")
    ] = None,
    quality: Annotated[
        bool, typer.Option("--quality", help="Add what devices have against their readings.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
) -> None:
    """Write all readings of a range to a file, field after field, however many there are.

    A file that is not whole yet ends with .part, and keeps that name when the download is cut off:
    a FILE that is there is whole.

    Examples:
        iotctl readings export crane-7 --since 30d --out crane-7.parquet
        iotctl readings export house-1,house-2 'grid/*' --since 365d -r 15m -f avg --out grid.csv
        iotctl readings export crane-7 temperature --format ndjson | head
    """
    chosen = file_format or _BY_SUFFIX.get(out.suffix.lower() if out else "", FileFormat.CSV)
    if out is None and chosen in _BINARY and sys.stdout.isatty():
        raise ConfigError(f"{chosen} is not for terminals: give --out FILE")
    wanted = {
        **series_parameters(serial, field),
        "since": since,
        "until": until,
        **bucket_parameters(resolution, function, fill, time_zone, max_points),
        "format": chosen.value,
        **({"quality": True} if quality else {}),
    }
    with (
        open_gateway() as gateway,
        gateway.download(PATH, wanted) as pieces,
        opened(out) as file,
        _bytes_shown() as show,
    ):
        for piece in pieces:
            file.write(piece)
            show(len(piece))
    if out is not None:
        print_note(f"{out}: {out.stat().st_size:,} bytes")


@contextmanager
def opened(out: Path | None) -> Iterator[BinaryIO]:
    """Open a file, or stdout; a file gets its name when it is whole.

    Raises:
        ConfigError: it cannot be written.
    """
    if out is None:
        yield sys.stdout.buffer
        return
    partial = out.with_name(out.name + PARTIAL_SUFFIX)
    try:
        file = partial.open("wb")
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}") from error
    try:
        with file:
            yield file
        partial.replace(out)
    except BaseException:
        print_note(f"not whole: what came is in {partial}")
        raise


@contextmanager
def _bytes_shown() -> Iterator[Callable[[int], object]]:
    """Show on a terminal how much has come, and how fast; gives what to call with each piece."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    columns = (SpinnerColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # How much there is, is known when it has all come.
        task = progress.add_task("", total=None)
        yield lambda size: progress.advance(task, size)
