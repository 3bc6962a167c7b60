"""How `iotctl storage` shows sizes, policies and runs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cli._client import Answer, Gateway
from cli._output import BLANK, Column, Format, print_data, print_table, printable

POLICY_HELP = """\
Say how long things are kept.

Examples:
    iotctl storage policy list
    iotctl storage policy set --site harbour --raw 90d"""

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_BYTE_STEP = 1024
#: Rows are counted as far as this (`weir.postgres.retention.plan`).
_ROWS_COUNTED_MAX = 100_000


class LayerName(StrEnum):
    """What has an age, as `iotctl storage policy unset` takes it."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    EVENT = "event"
    LOCATION = "location"


def show_bytes(count: int | None) -> str:
    """Show a size in its largest unit.

    >>> show_bytes(1_536)
    '1.5 KiB'
    """
    if count is None:
        return BLANK
    size = float(count)
    for unit in _BYTE_UNITS:
        if size < _BYTE_STEP or unit == _BYTE_UNITS[-1]:
            break
        size /= _BYTE_STEP
    return f"{size:.0f} {unit}" if unit == _BYTE_UNITS[0] else f"{size:.1f} {unit}"


def show_count(count: int | None) -> str:
    """Show a number of rows with its thousands apart."""
    return BLANK if count is None else f"{count:,}".replace(",", " ")


def show_rows(count: int | None) -> str:
    """Show a number of rows that was counted as far as a limit."""
    return f"over {show_count(count)}" if count == _ROWS_COUNTED_MAX else show_count(count)


def show_instant(instant: str | None) -> str:
    """Show an instant to the second; a midnight as its day."""
    if instant is None:
        return BLANK
    day, _, time = instant.partition("T")
    return day if time.startswith("00:00:00.000000") else f"{day} {time[:8]}"


def show_wait(wait: Mapping[str, Any]) -> str:
    """Show what a run left and why."""
    layer = f"{wait['layer']}: " if wait["layer"] else ""
    return printable(f"{layer}{wait['reason']}")


def mode_fields(storage: Answer) -> dict[str, str]:
    """Say how things are stored, and why readings are compressed or not."""
    licence = storage["timescaledb_licence"]
    if licence is None:
        return {"mode": "plain PostgreSQL, a partition for each day", "compressed": "no"}
    why = "" if storage["is_compressing"] else f" (not allowed by the {licence} licence)"
    return {
        "mode": f"TimescaleDB {storage['timescaledb_version']}, {licence} licence",
        "compressed": f"after a week{why}" if storage["is_compressing"] else f"no{why}",
    }


def policy_row(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Give a policy as a row."""
    return {"scope": policy["scope"], **policy["ages"]}


def print_policy(policy: Answer, output: Format) -> None:
    """Print one policy."""
    if output.is_for_programs:
        print_data(policy, output)
    else:
        print_table([policy_row(policy)], POLICY_COLUMNS)


def run_all(gateway: Gateway, path: str) -> Answer:
    """Run retention until it is finished: the gateway bounds how long one request goes on.

    Raises:
        WeirError: the gateway or its database is away; what was dropped stays dropped.
    """
    total: Answer = {"expired": [], "waits": [], "is_finished": False}
    while not total["is_finished"]:
        report = gateway.post(path)
        total = {**report, "expired": total["expired"] + report["expired"]}
        if report["waits"] and not report["expired"]:
            break
    return total


TABLE_COLUMNS = (
    Column("layer", "LAYER"),
    Column("table", "TABLE"),
    Column("byte_count", "SIZE", align="right", show=show_bytes),
    Column("row_count", "ABOUT ROWS", align="right", show=show_count),
    Column("partition_count", "PARTITIONS", align="right"),
    Column("oldest", "OLDEST", show=show_instant),
    Column("newest", "NEWEST", show=show_instant),
)
POLICY_COLUMNS = (
    Column("scope", "POLICY"),
    *(Column(layer.value, layer.value.upper(), align="right") for layer in LayerName),
)
DROPPED_COLUMNS = (
    Column("layer", "LAYER"),
    Column("table", "TABLE"),
    Column("partition", "PARTITION", show=lambda name: printable(name) if name else "rows only"),
    Column("until", "FROM BEFORE", show=show_instant),
    Column("row_count", "ROWS", align="right", show=show_rows),
    Column("byte_count", "SIZE", align="right", show=show_bytes),
)
PLAN_COLUMNS = (*DROPPED_COLUMNS, Column("waits_for", "WAITS FOR"))
