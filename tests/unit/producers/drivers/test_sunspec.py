"""An inverter of SunSpec: found where its map is, and what is wrong with it said."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from producers.drivers.sunspec import (
    MODEL_COUNT_MAX,
    Sunspec,
    SunspecConfiguration,
    decode_common,
    decode_inverter,
)
from tests.contract.driver_cases import GOLDEN, modbus_device
from weir.driver import Poll
from weir.errors import DecodeError

POLL = Poll(1_795_248_000_000_000, 1_795_248_001_000_000)
CASE: dict[str, Any] = json.loads(
    Path(GOLDEN, "sunspec", "three_phases", "case.json").read_text(encoding="utf-8")
)
MAP: list[int] = CASE["device"]["modbus"]["holding"]["40000"]
COMMON, INVERTER = MAP[2:69], MAP[69:121]


async def read(first: int, words: list[int], **settings: Any) -> dict[str, Any]:
    async with modbus_device({"holding": {str(first): words}}) as port:
        document = {"host": "127.0.0.1", "port": port, "timeout_s": 2, **settings}
        driver = Sunspec(SunspecConfiguration.model_validate(document), random.Random(1))
        try:
            return {item.name: item.values[0] for item in (await driver.read(POLL)).readings}
        finally:
            await driver.close()


@pytest.mark.parametrize(("base", "wanted"), [(50_000, None), (0, None), (1_234, 1_234)])
async def test_the_map_is_found(base: int, wanted: int | None) -> None:
    assert 5420 == (await read(base, MAP, base=wanted))["power"]


async def test_models_in_between_are_passed_over() -> None:
    words = [*MAP[:2], *COMMON, 120, 3, 1, 2, 3, *INVERTER]
    assert 5420 == (await read(40_000, words))["power"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([1, 2, 3, 4], r"no map of SunSpec: .*at 40000 is \[1, 2\]; .*50000"),
        ([*MAP[:2], *COMMON, 0xFFFF, 0], r"no inverter .* among the models \[1\]"),
        ([*MAP[:2], *INVERTER, 0xFFFF, 0], r"among the models \[103\]"),
        ([*MAP[:2], *COMMON, 101, 48, *INVERTER[2:]], "model 101 has 48 registers, not 50"),
        ([*MAP[:2], *([120, 0] * (MODEL_COUNT_MAX + 5))], "no inverter"),
    ],
)
async def test_what_is_no_inverter_is_said(words: list[int], said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        await read(40_000, words)


@pytest.mark.parametrize(
    ("at", "word", "said"),
    [(36, 9, "state: 9 is none of 1 to 8"), (13, 11, "power: a scale factor of 11")],
)
def test_what_does_not_exist_is_an_error(at: int, word: int, said: str) -> None:
    words = INVERTER[2:]
    with pytest.raises(DecodeError, match=said):
        decode_inverter([*words[:at], word, *words[at + 1 :]])


def test_what_is_not_implemented_is_left_out() -> None:
    words = [0xFFFF] * 50
    for signed in (12, 16, 18, 20, 29, 31, 32):
        words[signed] = 0x8000
    words[22] = words[23] = 0
    assert {} == decode_inverter(words)


def test_a_nameplate_that_is_no_text_is_an_error() -> None:
    with pytest.raises(DecodeError, match="not UTF-8"):
        decode_common([0xFFFE, *COMMON[3:]])
