"""The AsyncAPI document covers the wire contract, and points to what is there."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.asyncapi import asyncapi_document
from weir.model.names import PUBLISHED_KINDS, RECEIVED_KINDS
from weir.paths import SCHEMAS

DOCUMENT: dict[str, Any] = json.loads(asyncapi_document())


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
