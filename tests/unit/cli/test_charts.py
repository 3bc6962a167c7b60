"""Charts: where ticks are, where lines are cut, and what is drawn of what the gateway answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cli import _chart_picture, _chart_terminal
from cli._chart_curves import CURVES_MAX, Curve, fetch_curves
from cli._chart_ticks import describe_range, tick_times, tick_values
from weir.errors import ConfigError

START = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
START_S = START.timestamp()
BERLIN = ZoneInfo("Europe/Berlin")


def curve(values: list[float], step_s: float = 1.0, **changes: Any) -> Curve:
    times = [START_S + step_s * number for number in range(len(values))]
    return Curve(
        **{"serial": "pump-1", "field": "power", "unit": "kW", **changes},
        times_s=times,
        values=values,
    )


@pytest.mark.parametrize(
    ("span_s", "labels"),
    [
        (20, ["15:09:30", "15:09:35", "15:09:40", "15:09:45"]),
        (600, ["15:10", "15:12", "15:14", "15:16", "15:18"]),
        (86_400, ["18:00", "00:00", "06:00", "12:00"]),
        (4 * 86_400, ["15 Mar", "16 Mar", "17 Mar", "18 Mar"]),
        (120 * 86_400, ["Apr 2026", "May 2026", "Jun 2026", "Jul 2026"]),
        (3 * 365 * 86_400, ["Jan 2027", "Jan 2028", "Jan 2029"]),
    ],
)
def test_ticks_of_times_are_round(span_s: float, labels: list[str]) -> None:
    assert labels == tick_times(START_S, START_S + span_s, 5, UTC)[1]


def test_ticks_are_at_round_times_of_the_zone() -> None:
    times, labels = tick_times(START_S, START_S + 3 * 86_400, 4, BERLIN)

    assert ["15 Mar", "16 Mar", "17 Mar"] == labels
    assert "2026-03-14T23:00:00+00:00" == datetime.fromtimestamp(times[0], UTC).isoformat()


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-1.1, 1.1, ["-1", "0", "1"]),
        (0.0, 2e5, ["0", "50000", "100000", "150000", "200000"]),
        (0.25, 0.27, ["0.25", "0.255", "0.26", "0.265", "0.27"]),
        (7.5, 7.5, ["7.5"]),
        (-0.2, 0.1, ["-0.2", "-0.1", "0", "0.1"]),
    ],
)
def test_ticks_of_values_are_round(low: float, high: float, labels: list[str]) -> None:
    assert labels == list(tick_values(low, high, 4)[1])


def test_a_range_says_its_zone() -> None:
    assert "2026-03-14 16:09:26 to 16:09:36 CET" == describe_range(START_S, START_S + 10, BERLIN)
    assert describe_range(START_S, START_S + 86_400, UTC).endswith("2026-03-15 15:09:26 UTC")


def test_a_line_is_cut_where_data_is_missing() -> None:
    cut = curve([1.0] * 8)
    cut.times_s[5:] = [time_s + 60 for time_s in cut.times_s[5:]]

    assert [range(5), range(5, 8)] == list(cut.runs())
    assert [range(3)] == list(curve([1.0, 2.0, 3.0]).runs())
    assert [range(1)] == list(curve([1.0]).runs())


class Answers:
    """Stands for a gateway: gives prepared answers, and notes what was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answers = iter(answers)

    def get(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(parameters)
        return next(self._answers)


def page(buckets: list[dict[str, Any]], cursor: str | None = None, **more: Any) -> dict[str, Any]:
    head = {"resolution": "1h", "since": "2026-03-14T00:00:00Z", "until": "2026-03-20T00:00:00Z"}
    return {**head, **more, "buckets": buckets, "next_cursor": cursor}


def bucket(field: str, **says: Any) -> dict[str, Any]:
    return {"serial": "pump-1", "field": field, "unit": "kW", "bucket": START.isoformat(), **says}


def test_buckets_become_curves_with_what_they_say_by_themselves() -> None:
    gateway: Any = Answers(
        page(
            [bucket("power", avg=2.0, min=1.0, max=3.0), bucket("energy", rise=1.0, last=9.0)], "c"
        ),
        page([bucket("power", avg=4.0, min=3.0, max=5.0), bucket("mode", count=1, last="idle")]),
    )

    energy, power = fetch_curves(gateway, {"serial": ["pump-1"]}, 100)

    assert ([9.0], False) == (energy.values, energy.has_band)
    assert ([2.0, 4.0], [1.0, 3.0], [3.0, 5.0]) == (power.values, power.lows, power.highs)
    assert [None, "c"] == [asked.get("cursor") for asked in gateway.asked]
    assert ("auto", 100) == (gateway.asked[0]["resolution"], gateway.asked[0]["max_points"])


def test_a_short_window_is_drawn_by_its_readings() -> None:
    short = page([], resolution="1m", until="2026-03-14T00:30:00Z")
    reading = {
        "serial": "a",
        "field": "b",
        "unit": "",
        "observed_at": START.isoformat(),
        "value": 7,
    }
    gateway: Any = Answers(short, {"readings": [reading]})

    (drawn,) = fetch_curves(gateway, {}, 100)

    assert ([7.0], [START_S]) == (drawn.values, drawn.times_s)
    assert {"resolution": "raw", "max_points": 100} == gateway.asked[1]


def test_what_cannot_be_drawn_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    many = [bucket(f"f{number}", avg=1.0) for number in range(CURVES_MAX + 1)]
    gateway: Any = Answers(page([*many, bucket("mode", last="idle")]))

    assert CURVES_MAX == len(fetch_curves(gateway, {}, 100))
    assert "mode of pump-1 has texts: it is not drawn" in capsys.readouterr().err


def test_one_curve_fills_the_chart(capsys: pytest.CaptureFixture[str]) -> None:
    _chart_terminal.draw([curve([1.0, 2.0, 0.0])], (60, 20), UTC)
    printed = capsys.readouterr().out
    assert "min 0  max 2  last 0" in printed
    assert 1 == printed.count("└")


def test_a_chart_of_characters_has_no_colours_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    curves = [
        curve([float(number % 7) for number in range(50)]),
        curve([1.0], field="temp", unit=""),
    ]

    _chart_terminal.draw(curves, (80, 24), UTC)

    lines = capsys.readouterr().out.splitlines()
    assert any("pump-1 power [kW]   min 0  max 6  last 0" in line for line in lines)
    assert any("pump-1 temp   min 1  max 1  last 1" in line for line in lines)
    assert "2026-03-14 15:09:26 to 15:10:15 UTC" == lines[-1].strip()
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_picture_is_what_its_name_says(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"chart.{suffix}"
    banded = curve([1.0, 2.0, 1.5])
    banded.lows, banded.highs = [0.5, 1.0, 1.0], [2.0, 3.0, 2.0]

    _chart_picture.draw([banded, curve([5.0, 6.0], field="$cost$")], path, BERLIN)

    assert path.read_bytes().startswith(start)


def test_a_picture_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        _chart_picture.draw([curve([1.0, 2.0])], tmp_path / "nowhere" / "chart.png", UTC)
