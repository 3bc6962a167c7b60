"""Poll a device once and print what came: whether a driver and its settings are right."""

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli._output import Column, Format, Output, print_data, print_note, print_table, printable
from weir.clock import SystemClock, from_us, iso, to_us
from weir.errors import ConfigError, DeviceUnavailableError

app = typer.Typer()

#: Readings of one field that a table shows; a program gets all.
SHOWN_COUNT_MAX = 5
_SECOND_US = 1_000_000
_CONFIGURATION_BYTES_MAX = 1024 * 1024

_READING_COLUMNS = (
    Column("field", "FIELD"),
    Column("value", "VALUE", "right"),
    Column("unit", "UNIT"),
    Column("observed_at", "TIME"),
)


@app.command("test")
def poll_once(  # noqa: PLR0917 - each option is a parameter
    driver: Annotated[str, typer.Argument(metavar="DRIVER", help="See iotctl edge drivers.")],
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Settings as YAML or JSON: what `settings` of a device has."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--setting", "-s", metavar="KEY=VALUE", help="One setting; a.b=1 for one inside."
        ),
    ] = None,
    polls: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Poll so often; the last is shown.")
    ] = 1,
    interval: Annotated[
        float, typer.Option(metavar="S", min=0.01, max=3_600, help="Seconds of each poll.")
    ] = 1.0,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=600, help="For each poll.")
    ] = 10.0,
    output: Output = Format.TABLE,
) -> None:
    """Poll a device once and print fields, values, units, times, and device events.

    No broker is asked and nothing is sent. What the device answers wrongly is quoted.

    Examples:
        iotctl edge test vibration -s sample_rate_hz=100 -s noise=0
        iotctl edge test http_json -s url=http://192.168.1.7/status
        iotctl edge test modbus_tcp --config heat-pump.yaml -o json
        iotctl edge test egauge -s url=http://192.168.1.8 --polls 2 --interval 5
    """
    from producers.agent.check import find_driver, make_driver

    settings = _settings(config, setting or ())
    # Noise, once.
    made = make_driver(find_driver(driver), settings, random.Random(time.time_ns()))  # noqa: S311
    polled, took_s = asyncio.run(_poll(made, polls, interval, timeout))
    units = {field.name: field.unit for field in made.fields}
    if output.is_for_programs:
        print_data(_as_data(polled, units, took_s), output)
        return
    _print(polled, units)
    print_note(f"polled in {took_s * 1_000:.0f} ms")


async def _poll(driver: Any, count: int, interval_s: float, timeout_s: float) -> tuple[Any, float]:
    """Poll at a steady pace; a poll is over the time that has passed before it."""
    from weir.driver import Poll

    clock, loop = SystemClock(), asyncio.get_running_loop()
    interval_us = round(interval_s * _SECOND_US)
    end_us = to_us(clock.now()) // interval_us * interval_us
    try:
        for number in range(count):
            if number:
                end_us += interval_us
                await asyncio.sleep(max(0.0, (end_us - to_us(clock.now())) / _SECOND_US))
            started_s = loop.time()
            try:
                async with asyncio.timeout(timeout_s):
                    polled = await driver.read(Poll(end_us - interval_us, end_us))
            except TimeoutError as error:
                raise DeviceUnavailableError(
                    f"no answer within {timeout_s:g} s: --timeout allows more"
                ) from error
            took_s = loop.time() - started_s
        return polled, took_s
    finally:
        await driver.close()


def _settings(config: Path | None, pairs: Sequence[str]) -> dict[str, Any]:
    settings = {} if config is None else _read(config)
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise ConfigError(f"--setting {pair}: write KEY=VALUE")
        part: Any = settings
        *outer, last = key.split(".")
        for name in outer:
            part = part.setdefault(name, {})
            if not isinstance(part, dict):
                raise ConfigError(f"--setting {pair}: {name} is no object")
        part[last] = _value(text)
    return settings


def _value(text: str) -> Any:
    """Read JSON where it is some, so that numbers and lists can be given; else it is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(_CONFIGURATION_BYTES_MAX + 1)
        if len(content) > _CONFIGURATION_BYTES_MAX:
            raise ConfigError(f"{path} has over {_CONFIGURATION_BYTES_MAX} bytes")
        document = yaml.safe_load(content)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path} is neither YAML nor JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not a mapping of settings")
    return document


def _as_data(polled: Any, units: Mapping[str, str], took_s: float) -> dict[str, Any]:
    return {
        "readings": _readings(polled, units),
        "events": [
            {
                "observed_at": iso(from_us(event.observed_at_us)),
                "type": event.type,
                "data": json.loads(event.data),
            }
            for event in polled.events
        ],
        "locations": [
            {
                "observed_at": iso(from_us(location.observed_at_us)),
                "latitude_deg": location.latitude_deg,
                "longitude_deg": location.longitude_deg,
                "altitude_m": location.altitude_m,
                "speed_mps": location.speed_mps,
                "heading_deg": location.heading_deg,
            }
            for location in polled.locations
        ],
        "logs": [
            {
                "logged_at": iso(from_us(entry.logged_at_us)),
                "level": entry.level.value,
                "message": entry.message,
                "attributes": entry.attributes,
            }
            for entry in polled.logs
        ],
        "took_s": round(took_s, 6),
    }


def _readings(
    polled: Any, units: Mapping[str, str], count_max: int | None = None
) -> list[dict[str, Any]]:
    return [
        {
            "field": item.name,
            "value": value,
            "unit": units.get(item.name, ""),
            "observed_at": iso(from_us(observed_at_us)),
        }
        for item in polled.readings
        for observed_at_us, value in list(zip(item.observed_at_us, item.values, strict=True))[
            :count_max
        ]
    ]


def _print(polled: Any, units: Mapping[str, str]) -> None:
    rows = _readings(polled, units, SHOWN_COUNT_MAX)
    if rows:
        print_table(rows, _READING_COLUMNS)
    else:
        print_note("no readings")
    for item in polled.readings:
        if len(item.values) > SHOWN_COUNT_MAX:
            print_note(f"{item.name}: {len(item.values) - SHOWN_COUNT_MAX} more, see -o json")
    for location in polled.locations[:SHOWN_COUNT_MAX]:
        place = f"{location.latitude_deg:.6f}, {location.longitude_deg:.6f}"
        typer.echo(f"location  {_time(location.observed_at_us)}  {place}")
    for event in polled.events:
        line = f"event  {_time(event.observed_at_us)}  {event.type}  {event.data}"
        typer.echo(printable(line))
    for entry in polled.logs:
        attributes = " ".join(f"{key}={value}" for key, value in entry.attributes.items())
        line = f"log  {_time(entry.logged_at_us)}  {entry.level}  {entry.message}  {attributes}"
        typer.echo(printable(line.rstrip()))


def _time(instant_us: int) -> str:
    instant: datetime = from_us(instant_us)
    return iso(instant)
