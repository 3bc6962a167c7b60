"""A recording that is played: its pace, its end, its rows that cannot be used."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producers.drivers import replay
from producers.drivers.replay import SKIPPED_EVENT_COUNT_MAX, Replay, ReplayConfiguration
from weir.driver import Poll
from weir.errors import ConfigError, DecodeError

START_US = 1_795_248_000_000_000
SECOND_US = 1_000_000


def poll(start_s: float, end_s: float) -> Poll:
    return Poll(START_US + round(start_s * SECOND_US), START_US + round(end_s * SECOND_US))


def driver(path: Path, text: str | None = None, **settings: Any) -> Replay:
    if text is not None:
        path.write_text(text)
    configuration = ReplayConfiguration.model_validate({"path": str(path), **settings})
    return Replay(configuration, random.Random(1))


async def played(made: Replay, *polls: Poll) -> dict[str, list[tuple[float, Any]]]:
    """Give what was played: seconds after the start, and value."""
    found: dict[str, list[tuple[float, Any]]] = {}
    for each in polls:
        for item in (await made.read(each)).readings:
            found.setdefault(item.name, []).extend(
                ((at_us - START_US) / SECOND_US, value)
                for at_us, value in zip(item.observed_at_us, item.values, strict=True)
            )
    return found


async def test_rows_come_at_their_pace_whatever_the_polls(tmp_path: Path) -> None:
    text = "time,a\n" + "".join(f"{1_600_000_000 + n},{n}\n" for n in range(6))
    expected = {"a": [(0.0, 0), (0.5, 1), (1.0, 2), (1.5, 3), (2.0, 4), (2.5, 5)]}
    once = await played(driver(tmp_path / "f.csv", text, speed=2), poll(0, 3))
    cut = await played(
        driver(tmp_path / "f.csv", speed=2), poll(0, 0.6), poll(0.6, 2.0), poll(2.0, 9)
    )
    assert expected == once == cut


async def test_the_end_is_told_once_and_then_there_is_silence(tmp_path: Path) -> None:
    made = driver(tmp_path / "f.csv", "time,a\n1600000000,1\n")
    first = await made.read(poll(0, 1))
    assert ["replay_ended"] == [event.type for event in first.events]
    second = await made.read(poll(1, 2))
    assert ([], []) == (second.readings, second.events)


async def test_it_may_start_anew_after_the_distance_of_its_last_rows(tmp_path: Path) -> None:
    made = driver(tmp_path / "f.csv", "time,a\n1600000000,1\n1600000002,2\n", at_end="repeat")
    expected = {"a": [(0.0, 1), (2.0, 2), (4.0, 1), (6.0, 2), (8.0, 1)]}
    assert expected == await played(made, poll(0, 9))


async def test_a_file_of_one_row_repeats_every_second(tmp_path: Path) -> None:
    made = driver(tmp_path / "f.csv", "time,a\n1600000000,1\n", at_end="repeat")
    assert {"a": [(0.0, 1), (1.0, 1), (2.0, 1)]} == await played(made, poll(0, 3))


async def test_one_device_of_several_can_be_chosen(tmp_path: Path) -> None:
    text = "serial,time,field,value\nx,1600000000,a,1\ny,1600000000,a,2\ny,1600000001,a,3\n"
    made = driver(tmp_path / "f.csv", text, serial="y")
    assert {"a": [(0.0, 2), (1.0, 3)]} == await played(made, poll(0, 5))


async def test_parquet_is_played_too(tmp_path: Path) -> None:
    times = pa.array([0, 1_500_000], pa.timestamp("us", "UTC"))
    table = pa.table({"time": times, "power (kW)": [1.5, None], "on": [True, False]})
    pq.write_table(table, tmp_path / "f.parquet")
    made = driver(tmp_path / "f.parquet")
    assert ["power", "on"] == [field.name for field in made.fields]
    assert "kW" == made.fields[0].unit
    expected = {"power": [(0.0, 1.5)], "on": [(0.0, True), (1.5, False)]}
    assert expected == await played(made, poll(0, 2))


async def test_a_row_that_is_late_is_left_out_and_told(tmp_path: Path) -> None:
    text = "time,a\n1600000000,1\n1600000005,2\n1600000001,3\n1600000006,4\n"
    made = driver(tmp_path / "f.csv", text)
    await made.read(poll(0, 3))
    late = await made.read(poll(3, 9))
    assert [[2, 4]] == [item.values for item in late.readings]
    assert "line 4: older than the lines before it" in late.events[0].data


async def test_problems_are_told_up_to_a_bound(tmp_path: Path) -> None:
    count = SKIPPED_EVENT_COUNT_MAX + 3
    made = driver(tmp_path / "f.csv", "time,a\n1600000000,1\n" + "1600000000,x\n" * count)
    events = (await made.read(poll(0, 1))).events
    assert ["row_skipped"] * SKIPPED_EVENT_COUNT_MAX == [
        event.type for event in events[:SKIPPED_EVENT_COUNT_MAX]
    ]
    assert ("rows_skipped", '{"count":3}') == (events[-2].type, events[-2].data)


async def test_more_than_a_device_may_send_at_once_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "READING_COUNT_MAX", 5)
    text = "time,a\n" + "".join(f"{1_600_000_000 + n},{n}\n" for n in range(8))
    made = driver(tmp_path / "f.csv", text)
    with pytest.raises(DecodeError, match=r"7 readings of .* over 5: lower `speed`"):
        await made.read(poll(0, 7))
    assert {"a": [(7.0, 7)]} == await played(made, poll(7, 9))


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("time,a\n", {"time_column": "when"}, "no column 'when'"),
        ("when,a\n", {}, "no column of times"),
        ("time,a\n", {"zone": "Nowhere/Town"}, "no time zone 'Nowhere/Town'"),
        ("", {}, "is empty"),
        (None, {}, "No such file"),
    ],
)
def test_what_cannot_be_played_is_told_at_the_start(
    tmp_path: Path, text: str | None, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        driver(tmp_path / "f.csv", text, **settings)
