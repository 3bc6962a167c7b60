"""Files that are sent as a device: what arrives, at what pace, and what is accounted for."""

from pathlib import Path

import pytest

from producers.csv_file import CsvFile, CsvLayout
from producers.csv_lines import MISSING
from producers.csv_replay import Account, Pace, replay_csv
from tests.integration.producers.conftest import Site
from weir.clock import SystemClock, to_us
from weir.codec.registry import decode_announcement
from weir.errors import ConfigError, ImplausibleReadingError
from weir.model.names import REGISTRY_QUEUE
from weir.mqtt.address import MqttAddress

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]

SERIAL = "house-1"
T0_S = 1_773_500_966
SECOND_US = 1_000_000
LAYOUT = CsvLayout("time", text_columns=("state",), missing=MISSING | {"-9900"})
TEXT = """time,power (kW),state
1773500966,1.5,on
1773500967,-9900,on
never,1,on
1773500968,2.5,
946684799,1,too old
1773500969,x,off
"""
Received = dict[tuple[str, int], float | str]


@pytest.fixture
async def address(site: Site) -> MqttAddress:
    await site.admit([SERIAL])
    return MqttAddress.of_device(site.device_url, SERIAL, site.credentials[SERIAL])


def write(tmp_path: Path, text: str) -> CsvFile:
    path = tmp_path / "file.csv"
    path.write_text(text)
    return CsvFile(path, LAYOUT)


async def receive(site: Site, count: int) -> Received:
    """Take readings until there are so many; none may come twice."""
    received: Received = {}
    async with site.batches() as batches:
        while len(received) < count:
            batch = await anext(batches)
            assert SERIAL == batch.serial
            for column in batch.columns:
                values = column.texts or column.numbers
                for instant, value in zip(column.observed_at_us, values, strict=True):
                    assert (column.name, int(instant)) not in received
                    received[column.name, int(instant)] = value
    return received


async def test_every_row_and_value_is_sent_or_accounted_for(
    site: Site, address: MqttAddress, tmp_path: Path
) -> None:
    progress: list[int] = []
    file = write(tmp_path, TEXT)
    account = await replay_csv(
        file, address, Pace(), "house", lambda account: progress.append(account.readings_sent)
    )
    assert (6, 5, 1) == (account.rows_read, account.readings_sent, account.batches_sent)
    assert {"not a time": 1, "a time before 2000": 1} == account.rows_skipped
    assert {"missing": 2, "not a number": 1} == account.readings_skipped
    assert [4, 6, 7] == [problem.line for problem in account.quoted]
    assert [5] == progress
    assert account.readings_per_s > 0
    assert {
        ("power", T0_S * SECOND_US): 1.5,
        ("power", (T0_S + 2) * SECOND_US): 2.5,
        ("state", T0_S * SECOND_US): "on",
        ("state", (T0_S + 1) * SECOND_US): "on",
        ("state", (T0_S + 3) * SECOND_US): "off",
    } == await receive(site, 5)
    (delivery,) = await site.take(REGISTRY_QUEUE, 1)
    announcement = decode_announcement(delivery.body, SERIAL)
    assert ("house", ("power", "state")) == (
        announcement.model,
        tuple(field.name for field in announcement.fields),
    )
    assert "kW" == announcement.fields[0].unit


async def test_strict_ends_at_the_first_problem(address: MqttAddress, tmp_path: Path) -> None:
    file = write(tmp_path, TEXT)
    with pytest.raises(ImplausibleReadingError, match=r"file\.csv, line 4: not a time: 'never'"):
        await replay_csv(file, address, Pace(is_strict=True))


async def test_a_long_file_goes_in_batches_that_consumers_accept(
    site: Site, address: MqttAddress, tmp_path: Path
) -> None:
    # 300 fields are more than a batch may have; 3 000 x 300 readings are more as well.
    header = ",".join(["time", *(f"f{number}" for number in range(300))])
    lines = [f"{T0_S + row},{','.join(str(row + n / 8) for n in range(300))}" for row in range(200)]
    file = write(tmp_path, "\n".join([header.replace("f0", "state"), *lines]))
    account = await replay_csv(file, address, Pace(batch_rows=10_000))
    assert 60_000 == account.readings_sent
    assert account.batches_sent >= 2
    received = await receive(site, 60_000)
    assert "7.0" == received["state", (T0_S + 7) * SECOND_US]
    assert 199 + 299 / 8 == received["f299", (T0_S + 199) * SECOND_US]


async def test_rows_are_sent_at_their_pace(address: MqttAddress, tmp_path: Path) -> None:
    lines = [f"{T0_S + row},{row},on" for row in range(21)]
    seconds: list[float] = []

    def note(account: Account) -> None:
        seconds.append(account.seconds)

    file = write(tmp_path, "\n".join(["time,power,state", *lines]))
    account = await replay_csv(file, address, Pace(speed=10), on_progress=note)
    assert 2.0 <= account.seconds < 4.0
    assert 42 == account.readings_sent
    # Rows that are due within half a second share a batch.
    assert 4 == account.batches_sent
    assert [0.5, 1.1, 1.7, 2.0] == pytest.approx(seconds, abs=0.25)


@pytest.mark.parametrize("which", ["start", "end"])
async def test_times_may_be_shifted_as_a_whole(
    site: Site, address: MqttAddress, tmp_path: Path, which: str
) -> None:
    target_us = to_us(SystemClock().now())
    pace = Pace(starts_at_us=target_us) if which == "start" else Pace(ends_at_us=target_us)
    first_us = target_us if which == "start" else target_us - 2 * SECOND_US
    text = f"time,state\n{T0_S},b\n{T0_S + 2},c\n{T0_S - 3600},a\n"
    await replay_csv(write(tmp_path, text), address, pace)
    assert {
        ("state", first_us): "b",
        ("state", first_us + 2 * SECOND_US): "c",
        ("state", first_us - 3600 * SECOND_US): "a",
    } == await receive(site, 3)


async def test_a_file_without_a_time_cannot_be_shifted(
    address: MqttAddress, tmp_path: Path
) -> None:
    file = write(tmp_path, "time,state\nnever,a\n")
    for pace in (Pace(starts_at_us=1), Pace(ends_at_us=1)):
        with pytest.raises(ConfigError, match="no row has a time"):
            await replay_csv(file, address, pace)
