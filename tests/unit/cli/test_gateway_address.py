"""Which gateway is asked, and with which token."""

import json
from pathlib import Path

import pytest

from cli._contexts import Context, Login, changing_contexts, contexts_file
from cli._gateway_address import GatewayAddress, data_folder, find_gateway, find_url
from weir.errors import ConfigError, NotFoundError


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "gateway-token").write_text("local-token\n")
    (tmp_path / "state.json").write_text(json.dumps({"gateway_url": "http://127.0.0.1:8080"}))
    return tmp_path


def in_folder(folder: Path) -> dict[str, str]:
    return {"WEIR_DATA": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}


def add_harbour(environ: dict[str, str], token: str = "") -> None:
    with changing_contexts(contexts_file(environ)) as contexts:
        contexts.put(Context("harbour", "https://harbour.example", token))
        contexts.current = "harbour"


def test_the_environment_comes_first(stack: Path) -> None:
    environ = {
        "WEIR_GATEWAY_URL": "https://weir.example",
        "WEIR_GATEWAY_TOKEN": "token",
        "WEIR_DATA": str(stack),
    }

    assert find_gateway(environ) == GatewayAddress("https://weir.example", "token")


def test_a_context_that_is_named_comes_before_everything(stack: Path) -> None:
    environ = in_folder(stack) | {
        "WEIR_GATEWAY_URL": "https://weir.example",
        "WEIR_GATEWAY_TOKEN": "token",
        "WEIR_CONTEXT": "harbour",
    }
    add_harbour(environ)

    # The token is for the other address.
    assert find_gateway(environ) == GatewayAddress("https://harbour.example", "", "harbour")


def test_the_current_context_comes_before_the_stack_of_this_machine(stack: Path) -> None:
    add_harbour(in_folder(stack), "weir_a")

    found = find_gateway(in_folder(stack))

    assert found == GatewayAddress("https://harbour.example", "weir_a", "harbour")


def test_a_login_to_this_machine_comes_before_its_token(stack: Path) -> None:
    with changing_contexts(contexts_file(in_folder(stack))) as contexts:
        contexts.log_in("local", Login("anna", "a", "2026-03-14T15:09:26Z", "r"))

    assert find_gateway(in_folder(stack)) == GatewayAddress("http://127.0.0.1:8080", "", "local")


def test_a_context_that_is_not_there_is_named_with_those_that_are(stack: Path) -> None:
    add_harbour(in_folder(stack))

    with pytest.raises(NotFoundError, match="no context haven: there are harbour, local"):
        find_gateway(in_folder(stack) | {"WEIR_CONTEXT": "haven"})


def test_a_login_is_for_a_context_and_not_for_an_address() -> None:
    with pytest.raises(ConfigError, match="--context"):
        find_url({"WEIR_GATEWAY_URL": "https://weir.example"})


def test_the_local_token_is_not_sent_elsewhere(stack: Path) -> None:
    environ = {"WEIR_GATEWAY_URL": "https://weir.example", "WEIR_DATA": str(stack)}

    assert find_gateway(environ) == GatewayAddress("https://weir.example", "")


def test_the_stack_of_this_machine_comes_next(stack: Path) -> None:
    environ = in_folder(stack)

    assert find_gateway(environ) == GatewayAddress("http://127.0.0.1:8080", "local-token")


def test_without_either_the_advice_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="iotctl up"):
        find_gateway(in_folder(tmp_path))


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"gateway_url": 5}', "\x00"])
def test_a_damaged_state_is_named(stack: Path, state: str) -> None:
    (stack / "state.json").write_text(state)

    with pytest.raises(ConfigError, match=r"state\.json"):
        find_gateway(in_folder(stack))


def test_a_token_that_is_not_there_is_named(stack: Path) -> None:
    (stack / "secrets" / "gateway-token").unlink()

    with pytest.raises(ConfigError, match="gateway-token"):
        find_gateway(in_folder(stack))


def test_without_a_choice_the_folder_is_the_usual_one() -> None:
    assert str(data_folder({})).endswith("/weir")
