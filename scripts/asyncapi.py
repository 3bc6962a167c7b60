"""Renders the wire contract as an AsyncAPI document: topics, messages, who sends and who receives.

It refers to the JSON Schemas and the `.proto` files beside it, so there is one source of each.
Source: AsyncAPI Initiative, "AsyncAPI Specification 3.0.0".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weir import __version__
from weir.codec.control.export import FORMS as CONTROL_FORMS
from weir.codec.json_forms.export import FORMS
from weir.model import limits
from weir.model.serial import SERIAL_PATTERN

PAGE = "schemas/asyncapi.json"
VERSION = "3.0.0"
#: Messages of the control plane that a device receives; the others it sends.
_RECEIVED = frozenset({"command", "configuration"})
_PROTO_FORMAT = "application/vnd.google.protobuf;version=3"
_JSON_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_PROTO_MESSAGES = {
    "measurements": ("measurement", "Batch", "Readings of one device, in columns."),
    "events": ("event", "EventBatch", "What happened at a device."),
    "locations": ("event", "LocationBatch", "Where a device was."),
    "registry": ("registry", "Announcement", "What a device is, and what it measures."),
    "logs": ("log", "LogBatch", "Log lines of a device."),
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic; `action` is what Weir does there."""

    name: str
    address: str
    message: dict[str, Any]
    action: str = "receive"

    def described(self) -> dict[str, Any]:
        """Give what `channels` has of it."""
        parameters = {
            name: {"$ref": f"#/components/parameters/{name}"}
            for name in ("serial", "command")
            if f"{{{name}}}" in self.address
        }
        messages = {self.name: self.message}
        return {"address": self.address, "messages": messages, "parameters": parameters}

    def operation(self) -> dict[str, Any]:
        """Give what `operations` has of it."""
        return {
            "action": self.action,
            "channel": {"$ref": f"#/channels/{self.name}"},
            "messages": [{"$ref": f"#/channels/{self.name}/messages/{self.name}"}],
            "bindings": {"mqtt": {"qos": 1, "bindingVersion": "0.2.0"}},
        }


def channels() -> Iterator[Channel]:
    """Give every topic that devices publish on or receive."""
    for kind in FORMS:
        topic = f"sensor/{{serial}}/{kind}"
        yield Channel(kind, topic, _protobuf(kind))
        yield Channel(f"{kind}Json", f"{topic}/json", _json_message("telemetry", kind))
    for name, (_, topic) in CONTROL_FORMS.items():
        address = topic.replace("<", "{").replace(">", "}")
        action = "send" if name in _RECEIVED else "receive"
        yield Channel(name, address, _json_message("control", name), action)


def asyncapi_document() -> str:
    """Give the document as JSON."""
    document = {
        "asyncapi": VERSION,
        "info": {
            "title": "Weir: the wire contract",
            "version": __version__,
            "description": "What devices publish and receive over MQTT 3.1.1, QoS 1. "
            "Seen from Weir: it receives what devices publish. docs/reference/wire.md explains it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "127.0.0.1:1883",
                "protocol": "mqtt",
                "protocolVersion": "3.1.1",
                "security": [{"$ref": "#/components/securitySchemes/device"}],
            }
        },
        "channels": {channel.name: channel.described() for channel in channels()},
        "operations": {
            f"{channel.action}_{channel.name}": channel.operation() for channel in channels()
        },
        "components": {
            "securitySchemes": {
                "device": {
                    "type": "userPassword",
                    "description": "User and client id are the serial of the device.",
                }
            },
            "parameters": {
                "serial": {"description": f"The serial of the device: {SERIAL_PATTERN}"},
                "command": {"description": "The name of the command."},
            },
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _protobuf(kind: str) -> dict[str, Any]:
    file, message, summary = _PROTO_MESSAGES[kind]
    return {
        "name": f"weir.telemetry.v1.{message}",
        "summary": summary,
        "contentType": "application/protobuf",
        "description": f"At most {limits.MESSAGE_BYTES_MAX} bytes.",
        "payload": {
            "schemaFormat": _PROTO_FORMAT,
            "schema": {"$ref": f"../proto/weir/telemetry/v1/{file}.proto"},
        },
    }


def _json_message(folder: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "contentType": "application/json",
        "payload": {
            "schemaFormat": _JSON_SCHEMA_FORMAT,
            "schema": {"$ref": f"json/{folder}/{name}.json"},
        },
    }
