"""`iotctl readings import` in front of a gateway that is a process."""

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gateway.test_server import Gateway
from tests.integration.gateway_process import open_gateway
from tests.integration.imports.conftest import TOKEN
from tests.integration.runtime.pipeline import Pipeline
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

METERS = """time,serial,field,value,unit
2026-03-14 16:09:26,pump-1,power,1.5,kW
never,pump-1,power,2.5,kW
2026-03-14 16:09:28,pump-9,power,3.5,kW
2026-03-14 16:09:29,pump-2,power,4.5,kW
"""


@pytest.fixture
async def gateway(pipeline: Pipeline, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(pipeline, TOKEN, tmp_path) as gateway:
        yield gateway


async def test_refused_rows_can_be_mended_and_imported(
    gateway: Gateway, pipeline: Pipeline, tmp_path: Path
) -> None:
    file, rejected = tmp_path / "meters.csv", tmp_path / "refused.csv"
    file.write_text(METERS)
    options = ("--timezone", "Europe/Berlin")

    first = gateway.iotctl("readings", "import", str(file), *options, "--rejected", str(rejected))

    assert 1 == first.returncode, first
    assert "line 3, column 'time': 'never' is not a time" in first.stderr
    assert "line 4, column 'serial': no device has the serial 'pump-9'" in first.stderr
    assert f"refused rows are in {rejected}" in first.stderr
    with rejected.open(newline="") as lines:
        refused = list(csv.reader(lines))
    assert ["rejected_row", "rejected_column", "rejected_reason", "time", "serial"] == refused[0][
        :5
    ]
    assert [["3", "time"], ["4", "serial"]] == [row[:2] for row in refused[1:]]

    mended = rejected.read_text().replace("never", "2026-03-14 16:09:27")
    rejected.write_text(mended.replace(",pump-9,", ",pump-2,"))
    second = gateway.iotctl("readings", "import", str(rejected), *options, "-o", "json")

    assert (0, 2) == (second.returncode, json.loads(second.stdout)["accepted_count"])
    async with pipeline.worker():

        async def are_stored() -> bool:
            return 4 == await pipeline.count()

        await eventually(are_stored)
    first_at = await pipeline.pool.fetchval("SELECT min(observed_at) FROM reading")
    assert "2026-03-14T15:09:26+00:00" == first_at.isoformat()


async def test_a_long_file_goes_in_several_requests(
    gateway: Gateway, pipeline: Pipeline, tmp_path: Path
) -> None:
    lines = [f"{1_773_500_966 + second},{second / 4},{-second}" for second in range(10_000)]
    file = tmp_path / "long.csv"
    file.write_text("\n".join(["time,a (kW),b", *lines]))

    dry = gateway.iotctl("readings", "import", str(file), "--serial", "pump-1", "--dry-run")
    wet = gateway.iotctl("readings", "import", str(file), "--serial", "pump-1")

    assert "readings that would be taken:  20000" in dry.stdout
    assert ["readings", "taken:", "20000"] == wet.stdout.splitlines()[1].split()
    async with pipeline.worker():

        async def are_stored() -> bool:
            return 20_000 == await pipeline.count()

        await eventually(are_stored)


async def test_what_is_wrong_with_a_file_is_said_before_anything_is_sent(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "wide.csv").write_text("time,a\n1,2\n")
    (tmp_path / "broken.parquet").write_bytes(b"time,a\n1,2\n")
    (tmp_path / "sheet.xlsx").touch()
    for arguments, words in (
        (("nowhere.csv",), "No such file"),
        (("empty.csv",), "is empty: there is no header"),
        (("sheet.xlsx",), "a file's name ends with one of .csv, .tsv, .txt, .parquet, .pq"),
        (("broken.parquet", "--serial", "a"), "not a Parquet file that can be read"),
        (("wide.csv",), "whose readings are they? --serial SERIAL"),
        (("wide.csv", "--serial", "a", "--map", "time"), "--map time: NAME=COLUMN"),
        (("wide.csv", "--serial", "a", "--column", "b"), "no column 'b' among 'time', 'a'"),
        (("wide.csv", "--serial", "a", "--timezone", "Mars"), "no such time zone"),
        (("wide.csv", "--serial", "a", "--rejected", "wide.csv"), "is to be imported"),
    ):
        named = [str(tmp_path / each) if "." in each else each for each in arguments]
        result = gateway.iotctl("readings", "import", *named)
        assert (78, True) == (result.returncode, words in result.stderr), result
        assert "Traceback" not in result.stderr
