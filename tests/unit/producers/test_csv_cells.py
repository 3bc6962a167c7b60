"""What cells mean: times of every spelling, exact numbers, headers with units."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from producers.csv_cells import field_and_unit, parse_number, parse_time
from weir.clock import to_us

INSTANT_US = to_us(datetime(2026, 3, 14, 15, 9, 26, 535_897, tzinfo=UTC))
MINUTE_US = INSTANT_US - 26_535_897
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "time_format", "zone", "expected"),
    [
        ("2026-03-14T15:09:26.535897Z", None, UTC, INSTANT_US),
        ("2026-03-14 16:09:26.535897+01:00", None, UTC, INSTANT_US),
        ("2026-03-14 16:09", None, BERLIN, MINUTE_US),
        ("2026-03-14T15:09:00Z", None, BERLIN, MINUTE_US),
        ("14.03.2026 16:09", "%d.%m.%Y %H:%M", BERLIN, MINUTE_US),
        ("14.03.2026 16:09 +0100", "%d.%m.%Y %H:%M %z", UTC, MINUTE_US),
        ("1773500966.535897", None, UTC, INSTANT_US),
        ("1773500966535.897", None, UTC, INSTANT_US),
        ("1773500966535897", None, UTC, INSTANT_US),
        ("1773500966535897123", None, UTC, INSTANT_US),
        ("1.773500966535897e9", None, BERLIN, INSTANT_US),
        ("0", None, UTC, 0),
    ],
)
def test_a_time_is_read_to_the_microsecond(
    text: str, time_format: str | None, zone: tzinfo, expected: int
) -> None:
    assert expected == parse_time(text, time_format, zone)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01", "nan", "inf", "1773500966 s", "1e999999"]
)
def test_what_is_no_time_raises(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text, None, UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("-9900", -9900), ("+7", 7), ("007", 7), (".5", 0.5), ("-1.", -1.0), ("1e3", 1e3)],
)
def test_a_number_keeps_what_it_is_written_as(text: str, expected: float) -> None:
    number = parse_number(text)
    assert expected == number
    assert type(expected) is type(number)


def test_the_largest_exact_integer_passes() -> None:
    assert 2**53 == parse_number(str(2**53))


@pytest.mark.parametrize(
    "text", ["", "1_000", "0x10", "1,5", "nan", "inf", "1e400", "٣", "1 2", "--1", str(2**53 + 1)]
)
def test_what_is_no_exact_number_raises(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_number(text)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("GHI (W/m^2)", ("GHI", "W/m^2")),
        ("power [kW]", ("power", "kW")),
        ("phase[1]", ("phase[1]", "")),
        ("Dry-bulb (C)", ("Dry-bulb", "C")),
        ("  wind speed  ", ("wind_speed", "")),
        ("inverter/dc.power", ("inverter/dc.power", "")),
        ("Druck µ (hPa)", ("Druck", "hPa")),
        ("x" * 300, ("x" * 200, "")),
    ],
)
def test_a_header_gives_a_field_and_its_unit(header: str, expected: tuple[str, str]) -> None:
    assert expected == field_and_unit(header)


@pytest.mark.parametrize("header", ["", " ", "µ", "___"])
def test_a_header_without_a_name_raises(header: str) -> None:
    with pytest.raises(ValueError, match="gives no field name"):
        field_and_unit(header)
