"""A device takes the commands that it declares, with parameters that fit."""

from typing import Any

import pytest

from weir.command_check import check_command, offered
from weir.events.device import DescribedCapabilities, DescribedCommand
from weir.model.built_in_commands import BUILT_IN, built_in

SILENT = DescribedCapabilities()
FREQUENCY = {
    "type": "object",
    "properties": {"frequency_hz": {"type": "number", "exclusiveMinimum": 0, "maximum": 100}},
    "required": ["frequency_hz"],
}
DECLARING = DescribedCapabilities(
    commands=(
        DescribedCommand(name="purge"),
        DescribedCommand(name="change_sample_frequency", parameters_schema=FREQUENCY),
    ),
    writable=("valve", "setpoint"),
)


def test_a_device_that_declares_nothing_takes_the_built_in_commands() -> None:
    assert BUILT_IN.keys() == offered(SILENT).keys()


def test_a_device_that_declares_commands_takes_these() -> None:
    assert {"purge", "change_sample_frequency", "set"} == offered(DECLARING).keys()


@pytest.mark.parametrize(
    ("capabilities", "command", "parameters", "message"),
    [
        (SILENT, "ping", {}, None),
        (DECLARING, "purge", {"anything": ["goes"]}, None),
        (DECLARING, "ping", {}, "the device knows no command 'ping'; it knows: change_sample_fr"),
        (DECLARING, "change_sample_frequency", {"frequency_hz": 100}, None),
        (
            DECLARING,
            "change_sample_frequency",
            {"frequency_hz": 100.5},
            "frequency_hz: must be at most 100, not 100.5",
        ),
        (
            DECLARING,
            "change_sample_frequency",
            {"frequency_hz": 0},
            "frequency_hz: must be greater than 0, not 0",
        ),
        (DECLARING, "set", {"field": "valve", "value": True}, None),
        (
            DECLARING,
            "set",
            {"field": "lamp", "value": 1},
            "'lamp' cannot be written; what can be is",
        ),
        (SILENT, "set", {"field": "lamp", "value": 1}, "declares no field that can be written"),
        (DECLARING, "set", {"field": "valve"}, "value: is missing"),
    ],
)
def test_the_message_says_what_is_wrong(
    capabilities: DescribedCapabilities,
    command: str,
    parameters: dict[str, Any],
    message: str | None,
) -> None:
    wrong = check_command(capabilities, command, parameters)

    if message is None:
        assert wrong is None
    else:
        assert message in getattr(wrong, "message", "")


def test_a_device_may_declare_set_in_its_own_way() -> None:
    own = DescribedCapabilities(
        commands=(DescribedCommand(name="set", parameters_schema={"type": "object"}),),
        writable=("valve",),
    )

    assert offered(own)["set"] != built_in("set")
    assert check_command(own, "set", {"field": "valve"}) is None
