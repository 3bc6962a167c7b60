"""The AsyncAPI document is one, covers the wire contract, and points to what is there."""

import json
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from scripts.asyncapi import asyncapi_document
from weir.model.names import PUBLISHED_KINDS, RECEIVED_KINDS
from weir.paths import SCHEMAS

DOCUMENT: dict[str, Any] = json.loads(asyncapi_document())


Change = Callable[[dict[str, Any]], object]
Validate = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def validate() -> Validate:
    """Validate a document by the types of the specification, which refuse unknown keys."""
    # The library calls a field as pydantic calls a method, and is warned of it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", 'Field name "schema" in', UserWarning)
        from asyncapi3.models.asyncapi import AsyncAPI3
    found: Validate = AsyncAPI3.model_validate
    return found


def test_it_is_what_the_specification_says(validate: Validate) -> None:
    assert validate(DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["info"].pop("title"),
        lambda document: document["servers"]["broker"].pop("protocol"),
        lambda document: document["channels"]["events"].update(adress="sensor"),
        lambda document: document["channels"]["events"]["messages"]["events"].update(payloads={}),
        lambda document: document["operations"]["receive_events"].update(action="publish"),
        lambda document: document["operations"]["receive_events"]["bindings"]["mqtt"].update(qos=3),
        lambda document: document["components"]["securitySchemes"]["device"].update(type="pin"),
    ],
    ids=["title", "protocol", "channel", "message", "action", "binding", "security"],
)
def test_what_it_does_not_say_is_noticed(validate: Validate, change: Change) -> None:
    document = deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(ValidationError):
        validate(document)


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        if not reference.startswith("#/"):
            assert (SCHEMAS / reference).is_file(), reference
            continue
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_what_a_device_publishes_is_received_and_what_it_receives_is_sent() -> None:
    actions: dict[str, set[str]] = {}
    for operation in DOCUMENT["operations"].values():
        channel = DOCUMENT["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        kind = channel["address"].split("/")[2]
        actions.setdefault(kind, set()).add(operation["action"])
    assert {kind: {"receive"} for kind in PUBLISHED_KINDS} | {
        kind: {"send"} for kind in RECEIVED_KINDS
    } == actions
