"""Signals, tracks, meters and this computer: what their golden cases do not show."""

import math
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from producers.drivers import _procfs, gps_track, system
from producers.drivers._sphere import Point, Way, distance_m, heading_deg
from producers.drivers._waves import RandomWalk
from producers.drivers.egauge import REGISTER_COUNT_MAX, Register, Snapshot, decode, values_of
from producers.drivers.gps_track import POINT_COUNT_MAX, GpsTrack, GpsTrackConfiguration, decode_gpx
from producers.drivers.signal import Signal, SignalConfiguration
from producers.drivers.system import System, SystemConfiguration
from weir.driver import Poll
from weir.errors import CommandRefusedError, ConfigError, DecodeError

SECOND_US = 1_000_000
START_US = 1_795_248_000_000_000


def poll(start_s: int, end_s: int) -> Poll:
    return Poll(START_US + start_s * SECOND_US, START_US + end_s * SECOND_US)


def test_a_random_walk_turns_back_at_its_limits() -> None:
    walk = RandomWalk(waveform="random_walk", start=0.5, step=3.0, low=0.0, high=1.0)
    rng, value = random.Random(3), 0.5
    values = [value := walk.after(value, rng) for _ in range(2_000)]
    assert 0.0 <= min(values) < 0.05
    assert 0.95 < max(values) <= 1.0


@pytest.mark.parametrize("limits", [{"low": 1, "high": 0}, {"start": 2}, {"low": 0, "high": 0}])
def test_limits_that_contradict_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="low, start and high must be"):
        RandomWalk.model_validate({"waveform": "random_walk", **limits})


async def test_a_constant_can_be_set_within_its_limits() -> None:
    wave = {"waveform": "constant", "value": 20, "low": 5, "high": 30}
    configuration = SignalConfiguration.model_validate(
        {"signals": {"setpoint": wave, "sine": {"waveform": "sine"}}}
    )
    signal = Signal(configuration, random.Random(1))
    assert {"field": "setpoint", "value": 21.5} == await signal.act(
        "set", {"field": "setpoint", "value": 21.5}
    )
    assert [21.5] == (await signal.read(poll(0, 1))).readings[0].values
    for field, value, said in (
        ("setpoint", 31, "not within 5 and 30"),
        ("setpoint", True, "is a number"),
        ("sine", 1, "cannot be set"),
    ):
        with pytest.raises(CommandRefusedError, match=said):
            await signal.act("set", {"field": field, "value": value})


def test_distances_and_headings_are_those_of_the_sphere() -> None:
    equator, pole = Point(0, 0), Point(90, 0)
    assert math.pi / 2 * 6_371_008.8 == pytest.approx(distance_m(equator, pole))
    assert (0.0, 90.0, 180.0, 270.0) == pytest.approx(
        (
            heading_deg(equator, pole),
            heading_deg(equator, Point(0, 1)),
            heading_deg(Point(1, 0), equator),
            heading_deg(equator, Point(0, -1)),
        )
    )


def test_a_way_goes_over_the_date_line_and_through_stops() -> None:
    way = Way([Point(0, 179.5), Point(0, 179.5), Point(0, -179.5), Point(0, -179.5)])
    middle = way.at(way.length_m / 2)
    assert 180.0 == pytest.approx(abs(middle.point.longitude_deg))
    assert 90.0 == pytest.approx(middle.heading_deg)
    assert -179.5 == pytest.approx(way.at(way.length_m).point.longitude_deg)


@pytest.mark.parametrize(
    ("at_end", "longitude_deg", "speed_mps"),
    [("stop", 0.001, 0.0), ("repeat", 0.00025, 100.0), ("return", 0.00075, 100.0)],
)
async def test_what_an_asset_does_at_the_end(
    at_end: str, longitude_deg: float, speed_mps: float
) -> None:
    length_m = distance_m(Point(0, 0), Point(0, 0.001))
    configuration = GpsTrackConfiguration.model_validate(
        {
            "waypoints": [
                {"latitude_deg": 0, "longitude_deg": 0},
                {"latitude_deg": 0, "longitude_deg": 0.001},
            ],
            "speed_mps": 100,
            "interval_s": round(length_m * 1.25 / 100, 6),
            "at_end": at_end,
        }
    )
    track = GpsTrack(configuration, random.Random(1))
    interval_us = round(configuration.interval_s * SECOND_US)
    start_us = START_US // interval_us * interval_us
    location = (await track.read(Poll(start_us, start_us + 2 * interval_us))).locations[1]
    assert longitude_deg == pytest.approx(location.longitude_deg, abs=1e-8)
    assert speed_mps == location.speed_mps


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<gpx><trkpt lat='91' lon='0'/></gpx>", "lat='91' is beyond 90"),
        (b"<gpx><trkpt lat='nan' lon='0'/></gpx>", "beyond"),
        (b"<gpx><trkpt lon='0'/></gpx>", "lat=None is not a number"),
        (b"<gpx></gpx>", "no points"),
        (b"<kml/>", "'kml'"),
        (b"<!DOCTYPE g [<!ENTITY a 'b'>]><gpx/>", "entities"),
        ("<gpx/>".encode("utf-16"), "encoding"),
        (b"<?xml version='1.0' encoding='nonsense'?><gpx/>", "not XML"),
        (b"<gpx>" + b"<rtept lat='1' lon='1'/>" * (POINT_COUNT_MAX + 1) + b"</gpx>", "at most"),
    ],
)
def test_a_document_without_a_way_is_refused(document: bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        decode_gpx(document)


def test_a_way_of_one_place_is_none() -> None:
    place = {"latitude_deg": 0, "longitude_deg": 0}
    configuration = GpsTrackConfiguration.model_validate({"waypoints": [place]})
    with pytest.raises(ConfigError, match="two different places"):
        GpsTrack(configuration, random.Random(1))


@pytest.mark.parametrize(
    ("kind", "earlier", "later", "field", "mean"),
    [
        ("P", 100, 700, "a.power", 10.0),
        ("P", 700, 100, "a.power", -10.0),
        ("V", 0, 60_000, "a.voltage", 1.0),
        # Its totals wrap around like all; only those of energy are stored.
        ("I", 2**63 - 1, -(2**63) + 59_999, "a.current", 1.0),
        ("?", 0, 60, "a.rate", 1.0),
    ],
)
def test_a_mean_is_the_rise_of_a_register_over_time(
    kind: str, earlier: int, later: int, field: str, mean: float
) -> None:
    before = Snapshot(0, {"a": Register(kind, earlier)})
    after = Snapshot(60, {"a": Register(kind, later)})
    assert mean == pytest.approx(values_of(after, before)[field])


def test_no_power_without_time_and_none_from_a_clock_that_went_back() -> None:
    one = Snapshot(60, {"Grid": Register("P", 5)})
    assert {"Grid.energy": 5} == values_of(one, one) == values_of(one, None)
    with pytest.raises(DecodeError, match="went back by 60 s"):
        values_of(Snapshot(0, one.registers), one)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<data><ts>1</ts><r t='P' n='a'><v>1.5</v></r></data>", "a: '1.5' in <v>"),
        (b"<data><ts>1</ts><r t='P' n='a'><v>9223372036854775808</v></r></data>", "64-bit"),
        (b"<data><r t='P' n='a'><v>1</v></r></data>", "<ts>"),
        (b"<data><ts>1</ts><r n='a'><v>1</v></r><r n='a'><v>1</v></r></data>", "two registers"),
        (b"<data><ts>1</ts></data>", "no register 'a'"),
        (b"<group/>", "'group'"),
    ],
)
def test_what_no_meter_answers_is_refused(answer: bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        decode(answer, ("a",))


async def test_the_share_of_the_processors_is_between_two_polls(tmp_path: Path) -> None:
    for name, text in (
        ("stat", "cpu  100 0 0 900 0 0 0 0 0 0\n"),
        ("loadavg", "0.1 0 0 1/1 1\n"),
        ("meminfo", "MemTotal: 10 kB\nMemAvailable: 4 kB\n"),
        ("uptime", "5.0 1.0\n"),
    ):
        (tmp_path / name).write_text(text)
    settings = {"procfs": str(tmp_path), "sysfs": str(tmp_path), "disks": (str(tmp_path),)}
    made = System(SystemConfiguration.model_validate(settings), random.Random(1))
    first = {item.name for item in (await made.read(poll(0, 1))).readings}
    assert "cpu.busy" not in first
    (tmp_path / "stat").write_text("cpu  125 0 0 975 0 0 0 0 0 0\n")
    second = {item.name: item.values[0] for item in (await made.read(poll(1, 2))).readings}
    assert 25.0 == second["cpu.busy"]
    assert set(second) <= {field.name for field in made.fields}


async def test_this_computer_can_be_read() -> None:
    made = System(SystemConfiguration(), random.Random(1))
    values = {item.name: item.values[0] for item in (await made.read(poll(0, 1))).readings}
    assert 0 < float(values["memory.used"]) < float(values["memory.total"])


def test_a_temperature_that_no_computer_has_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"zone0: -273\.2 degrees"):
        _procfs.decode_temperature("-273200\n", "zone0")


def test_a_meter_may_have_so_many_registers_and_no_more() -> None:
    def answer(count: int) -> bytes:
        registers = "".join(f"<r t='V' n='r{n}'><v>1</v></r>" for n in range(count))
        return f"<data><ts>1</ts>{registers}</data>".encode()

    assert REGISTER_COUNT_MAX == len(decode(answer(REGISTER_COUNT_MAX)).registers)
    with pytest.raises(DecodeError, match="129 registers, over 128: choose some"):
        decode(answer(REGISTER_COUNT_MAX + 1))


def test_a_file_of_a_way_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "way.gpx"
    path.write_bytes(b"<gpx>" + b" " * 100 + b"</gpx>")
    monkeypatch.setattr(gps_track, "FILE_BYTES_MAX", 100)
    configuration = GpsTrackConfiguration(gpx_file=str(path))
    with pytest.raises(ConfigError, match="has over 100 bytes"):
        GpsTrack(configuration, random.Random(1))


async def test_of_what_the_kernel_shows_only_so_much_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stat").write_text(" " * 100 + "\ncpu 1 2 3 4 5\n")
    monkeypatch.setattr(system, "FILE_BYTES_MAX", 50)
    made = System(SystemConfiguration(procfs=str(tmp_path), disks=()), random.Random(1))
    with pytest.raises(DecodeError, match="no line of all processors"):
        await made.read(poll(0, 1))
