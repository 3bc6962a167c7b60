"""Which gateway is asked, and with which token."""

import json
from pathlib import Path

import pytest

from cli._gateway_address import GatewayAddress, data_folder, find_gateway
from weir.errors import ConfigError


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "gateway-token").write_text("local-token\n")
    (tmp_path / "state.json").write_text(json.dumps({"gateway_url": "http://127.0.0.1:8080"}))
    return tmp_path


def test_the_environment_comes_first(stack: Path) -> None:
    environ = {
        "WEIR_GATEWAY_URL": "https://weir.example",
        "WEIR_GATEWAY_TOKEN": "token",
        "WEIR_DATA": str(stack),
    }

    assert find_gateway(environ) == GatewayAddress("https://weir.example", "token")


def test_the_local_token_is_not_sent_elsewhere(stack: Path) -> None:
    environ = {"WEIR_GATEWAY_URL": "https://weir.example", "WEIR_DATA": str(stack)}

    assert find_gateway(environ) == GatewayAddress("https://weir.example", "")


def test_the_stack_of_this_machine_comes_next(stack: Path) -> None:
    environ = {"WEIR_DATA": str(stack)}

    assert find_gateway(environ) == GatewayAddress("http://127.0.0.1:8080", "local-token")


def test_without_either_the_advice_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="iotctl up"):
        find_gateway({"WEIR_DATA": str(tmp_path)})


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"gateway_url": 5}', "\x00"])
def test_a_damaged_state_is_named(stack: Path, state: str) -> None:
    (stack / "state.json").write_text(state)

    with pytest.raises(ConfigError, match=r"state\.json"):
        find_gateway({"WEIR_DATA": str(stack)})


def test_a_token_that_is_not_there_is_named(stack: Path) -> None:
    (stack / "secrets" / "gateway-token").unlink()

    with pytest.raises(ConfigError, match="gateway-token"):
        find_gateway({"WEIR_DATA": str(stack)})


def test_without_a_choice_the_folder_is_the_usual_one() -> None:
    assert str(data_folder({})).endswith("/weir")
