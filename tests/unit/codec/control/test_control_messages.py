"""Control messages: carried unchanged, bounded, and nothing but our errors from rubbish."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from weir.codec.control.command import decode_command, encode_command
from weir.codec.control.configuration import decode_configuration, encode_configuration
from weir.codec.control.export import FORMS, control_schema_of, exported_control_schemas
from weir.codec.control.reply import decode_reply, encode_reply
from weir.codec.control.state import decode_state, encode_state
from weir.errors import (
    DecodeError,
    ImplausibleReadingError,
    InvalidMessageError,
    OversizeError,
    WrongSerialError,
)
from weir.model.command import CommandMessage, Reply, ReplyStatus
from weir.model.configuration import (
    ConfigurationMessage,
    ReportedConfiguration,
    StateReport,
    hash_of,
)
from weir.model.limits import (
    COMMAND_ID_PATTERN,
    COMMAND_NAME_PATTERN,
    CONFIGURATION_BYTES_MAX,
    DOCUMENT_DEPTH_MAX,
    ERROR_LENGTH_MAX,
    MESSAGE_BYTES_MAX,
    PARAMETERS_BYTES_MAX,
    RESULT_BYTES_MAX,
)
from weir.paths import SCHEMAS

SERIAL = "crane-7"
EXAMPLES = SCHEMAS / "json" / "control" / "examples"
DECODERS: dict[str, Callable[[bytes], object]] = {
    "command": decode_command,
    "reply": lambda body: decode_reply(body, SERIAL),
    "configuration": decode_configuration,
    "state": lambda body: decode_state(body, SERIAL),
}

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.floats(-1e9, 1e9)
documents = st.dictionaries(
    texts,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    max_size=4,
)
instants = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime.fromisoformat("2200-01-01"),
    timezones=st.just(UTC),
)
command_ids = st.from_regex(COMMAND_ID_PATTERN, fullmatch=True)
names = st.from_regex(COMMAND_NAME_PATTERN, fullmatch=True)
every_kind = pytest.mark.parametrize("kind", FORMS)


@given(st.builds(CommandMessage, command_ids, names, documents, instants, instants))
def test_a_command_survives_the_wire(message: CommandMessage) -> None:
    assert message == decode_command(encode_command(message))


@given(
    st.builds(
        Reply, command_ids, st.sampled_from(ReplyStatus), documents, texts, st.none() | instants
    )
)
def test_a_reply_survives_the_wire(reply: Reply) -> None:
    assert reply == decode_reply(encode_reply(reply, boot_id=3), SERIAL)


@given(st.integers(1, 2**53), documents)
def test_a_configuration_survives_the_wire(version: int, document: dict[str, Any]) -> None:
    message = ConfigurationMessage(version, hash_of(document), document)
    assert message == decode_configuration(encode_configuration(message))


@given(
    st.builds(
        StateReport,
        st.none() | st.booleans(),
        st.none()
        | st.builds(
            ReportedConfiguration,
            st.integers(0, 2**53),
            texts,
            st.none() | documents,
            st.integers(1, 2**53),
            texts,
        ),
        st.integers(0, 2**32 - 1),
        st.none() | instants,
    )
)
def test_a_state_survives_the_wire(report: StateReport) -> None:
    assert report == decode_state(encode_state(report), SERIAL)


@every_kind
@given(body=st.binary(max_size=200))
def test_rubbish_raises_nothing_but_what_becomes_a_dead_letter(kind: str, body: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        DECODERS[kind](body)


@every_kind
def test_the_example_fits_its_schema_and_is_decoded(kind: str) -> None:
    body = (EXAMPLES / f"{kind}.json").read_bytes()
    Draft202012Validator(control_schema_of(kind)).validate(json.loads(body))
    DECODERS[kind](body)


def test_there_is_an_example_of_every_kind() -> None:
    assert set(FORMS) == {path.stem for path in EXAMPLES.glob("*.json")}


def test_the_schemas_are_what_the_models_say() -> None:
    stored = {path.name: path.read_text("utf-8") for path in EXAMPLES.parent.glob("*.json")}
    assert exported_control_schemas() == stored, "run `make docs`"


@every_kind
def test_a_schema_is_a_schema(kind: str) -> None:
    Draft202012Validator.check_schema(control_schema_of(kind))


def example(kind: str, **changes: object) -> bytes:
    document = json.loads((EXAMPLES / f"{kind}.json").read_text("utf-8"))
    return json.dumps(document | changes).encode()


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("kind", "changes", "error"),
    [
        ("command", {"id": "x" * 65}, ImplausibleReadingError),
        ("command", {"id": "a/b"}, ImplausibleReadingError),
        ("command", {"command": "Sleep"}, ImplausibleReadingError),
        ("command", {"command": "s" * 64}, ImplausibleReadingError),
        ("command", {"parameters": {"a": "x" * PARAMETERS_BYTES_MAX}}, OversizeError),
        ("command", {"parameters": nested(DOCUMENT_DEPTH_MAX + 1)}, DecodeError),
        ("command", {"parameters": []}, DecodeError),
        ("command", {"expires_at": "tomorrow"}, DecodeError),
        ("command", {"unknown": 1}, DecodeError),
        ("reply", {"status": "done"}, DecodeError),
        ("reply", {"serial": "crane-8"}, WrongSerialError),
        ("reply", {"error": "x" * (ERROR_LENGTH_MAX + 1)}, OversizeError),
        ("reply", {"error": "\0"}, ImplausibleReadingError),
        ("reply", {"result": {"a": "x" * RESULT_BYTES_MAX}}, OversizeError),
        ("reply", {"result": {"a": "\0"}}, ImplausibleReadingError),
        ("configuration", {"version": 0}, ImplausibleReadingError),
        ("configuration", {"document": {"a": "x" * CONFIGURATION_BYTES_MAX}}, OversizeError),
        ("configuration", {"document": nested(DOCUMENT_DEPTH_MAX + 1)}, DecodeError),
        ("configuration", {"hash": "x" * 129}, OversizeError),
        ("state", {"online": "yes"}, DecodeError),
        ("state", {"serial": "crane-8"}, WrongSerialError),
        ("state", {"configuration": {"version": -1}}, ImplausibleReadingError),
        ("state", {"configuration": {"error": "x" * (ERROR_LENGTH_MAX + 1)}}, OversizeError),
        (
            "state",
            {"configuration": {"document": {"a": "x" * CONFIGURATION_BYTES_MAX}}},
            OversizeError,
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    kind: str, changes: dict[str, Any], error: type[InvalidMessageError]
) -> None:
    with pytest.raises(error):
        DECODERS[kind](example(kind, **changes))


@every_kind
def test_more_bytes_than_a_message_may_have_are_refused(kind: str) -> None:
    with pytest.raises(OversizeError):
        DECODERS[kind](example(kind) + b" " * MESSAGE_BYTES_MAX)


def test_a_document_of_the_greatest_depth_passes() -> None:
    document = nested(DOCUMENT_DEPTH_MAX)
    assert document == decode_command(example("command", parameters=document)).parameters


def test_the_same_document_has_the_same_hash_whatever_its_order() -> None:
    assert hash_of({"a": 1, "b": [True, "ü"]}) == hash_of({"b": [True, "ü"], "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 1.5})
