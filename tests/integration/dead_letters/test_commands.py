"""`iotctl dead` and `iotctl devices approve` in front of a gateway that is a process."""

import json
import os
import pty
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.dead_letters.conftest import TOKEN
from tests.integration.dead_letters.post_office import PostOffice
from tests.integration.gateway.test_server import COMMAND_TIMEOUT_S, Gateway
from tests.integration.gateway_process import open_gateway
from tests.integration.runtime.pipeline import Pipeline, body
from weir.paths import ROOT

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


@pytest.fixture
async def gateway(pipeline: Pipeline, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(pipeline, TOKEN, tmp_path) as gateway:
        yield gateway


def at_a_terminal(
    gateway: Gateway, typed: bytes, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run `iotctl` as if somebody had typed this, and see what it prints into a pipe."""
    person, terminal = pty.openpty()
    try:
        os.write(person, typed)
        return subprocess.run(
            [sys.executable, "-m", "weir", *arguments],
            cwd=ROOT,
            env={"WEIR_GATEWAY_URL": gateway.url, "WEIR_GATEWAY_TOKEN": TOKEN},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(person)


async def test_letters_are_replayed_by_number(gateway: Gateway, post_office: PostOffice) -> None:
    await post_office.keep(b"1", b"2", b"3")

    first = gateway.iotctl("dead", "replay", "1", "3")
    again = gateway.iotctl("dead", "replay", "3", "2", "9", "-o", "json")

    assert (0, "2 replayed\n") == (first.returncode, first.stdout)
    assert 1 == again.returncode
    answer = json.loads(again.stdout)
    assert 1 == answer["replayed_count"]
    assert [3, 9] == [each["dead_letter_id"] for each in answer["refused"]]
    assert [b"1", b"3", b"2"] == await post_office.published_bodies()


async def test_letters_are_settled_by_filter_in_as_many_rounds_as_it_takes(
    gateway: Gateway, post_office: PostOffice
) -> None:
    await post_office.keep(*(f"{number}".encode() for number in range(600)))
    await post_office.keep(b"other", serial="crane-7")

    replayed = gateway.iotctl("dead", "replay", "--device", "pump-1", "-o", "json")
    discarded = gateway.iotctl("dead", "discard", "--all")

    assert {"replayed_count": 600, "left_count": 0, "refused": []} == json.loads(replayed.stdout)
    assert "1 discarded\n" == discarded.stdout
    assert 600 == len(await post_office.published())


@pytest.mark.parametrize(
    "arguments", [[], ["1", "--all"], ["--all", "--reason", "oversize"], ["--reason", ""]]
)
async def test_what_to_settle_must_be_said_in_one_way(
    gateway: Gateway, post_office: PostOffice, arguments: list[str]
) -> None:
    await post_office.keep(b"1")

    assert 2 == gateway.iotctl("dead", "discard", *arguments).returncode
    assert ["kept"] == await post_office.states()


@pytest.mark.parametrize(
    ("answer", "code", "state"), [(b"n\n", 1, "kept"), (b"y\n", 0, "discarded")]
)
async def test_a_person_is_asked_before_many_letters_are_settled(
    gateway: Gateway, post_office: PostOffice, answer: bytes, code: int, state: str
) -> None:
    await post_office.keep(b"1", b"2")

    result = at_a_terminal(gateway, answer, "dead", "discard", "--all")

    assert (code, [state, state]) == (result.returncode, await post_office.states())
    assert "discard 2 dead letters?" in result.stderr


async def test_letters_are_listed_by_what_became_of_them(
    gateway: Gateway, post_office: PostOffice
) -> None:
    await post_office.keep(b"1", b"2", b"3")
    gateway.iotctl("dead", "discard", "2")

    def listed(*arguments: str) -> list[int]:
        shown = gateway.iotctl("dead", "list", "-o", "json", *arguments).stdout
        return [letter["dead_letter_id"] for letter in json.loads(shown)]

    assert [3, 1] == listed()
    assert [2] == listed("--state", "discarded")
    assert [3, 2, 1] == listed("--state", "all", "--since", "1h")


async def test_letters_are_exported_whole(
    gateway: Gateway, post_office: PostOffice, tmp_path: Path
) -> None:
    contents = [bytes([number]) * 3 for number in range(3)]
    await post_office.keep(*contents)

    lines = gateway.iotctl("dead", "export").stdout.splitlines()
    gateway.iotctl("dead", "export", "--directory", str(tmp_path / "out"))

    exported = [json.loads(line) for line in lines]
    assert contents[::-1] == [b64decode(letter["body_base64"]) for letter in exported]
    for number, content in enumerate(contents, start=1):
        assert content == (tmp_path / "out" / f"{number}.bin").read_bytes()
        described = json.loads((tmp_path / "out" / f"{number}.json").read_text())
        assert "sensor.pump-1.measurements" == described["routing_key"]


async def test_a_letter_is_decoded(gateway: Gateway, post_office: PostOffice) -> None:
    await post_office.keep(body(1, [1.5, 2.5]), b"\xff")

    good, bad = (gateway.iotctl("dead", "decode", number) for number in ("1", "2"))

    assert (0, 1) == (good.returncode, bad.returncode)
    assert "pressure" in good.stdout
    assert "undecodable" in bad.stdout


async def test_devices_are_approved(gateway: Gateway, post_office: PostOffice) -> None:
    await post_office.pool.execute(
        "INSERT INTO device (serial, site_id, state) SELECT 'pump-1', site_id, 'pending' FROM site"
    )
    await post_office.keep(b"1", b"2", reason="not_approved")
    await post_office.keep(b"3")

    first = gateway.iotctl("devices", "approve", "pump-1", "-o", "json")
    second = gateway.iotctl("devices", "approve", "pump-1", "nobody", "-o", "json")

    assert [
        {"serial": "pump-1", "was_pending": True, "replayed_count": 2, "left_count": 0}
    ] == json.loads(first.stdout)
    assert 3 == second.returncode
    assert [
        {"serial": "pump-1", "was_pending": False, "replayed_count": 0, "left_count": 0}
    ] == json.loads(second.stdout)
    assert ["replayed", "replayed", "kept"] == await post_office.states()


async def test_a_device_is_shown_with_its_gaps(gateway: Gateway, post_office: PostOffice) -> None:
    await post_office.pool.execute(
        "INSERT INTO device (serial, site_id) SELECT 'pump-1', site_id FROM site"
    )
    await post_office.pool.execute(
        """
        INSERT INTO device_sequence (device_id, boot_id, received, missing_count)
        SELECT device_id, boot, received::int8multirange, missing FROM device,
            (VALUES (7, '{[3,4),[6,9)}', 4), (8, '{[1,9)}', 0)) AS b (boot, received, missing)
        """
    )

    shown = json.loads(gateway.iotctl("devices", "show", "pump-1", "-o", "json").stdout)
    printed = gateway.iotctl("devices", "show", "pump-1").stdout

    (gaps,) = shown["gaps"]
    assert (7, 4, [[1, 2], [4, 5]]) == (gaps["boot_id"], gaps["missing_count"], gaps["missing"])
    assert "1-2, 4-5" in printed
