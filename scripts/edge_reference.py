"""The page of the edge agent's configuration file, from the models that check it."""

import json
from typing import Any

from producers.agent.configuration import AgentConfiguration

PAGE = "docs/reference/edge.md"
_HEAD = """\
# The edge agent's file

Generated from `producers/agent/configuration.py` by `make docs`; how to use it: [the edge
agent](../edge.md).
"""


def edge_page() -> str:
    """Give the page: a table for each part of the file, in the order in which they occur."""
    schema = AgentConfiguration.model_json_schema()
    parts = [_HEAD, _table("The whole file", schema)]
    parts += [
        _table(name.removesuffix("Configuration"), part)
        for name, part in sorted(schema["$defs"].items())
        if "properties" in part
    ]
    return "\n".join(parts)


def _table(title: str, part: dict[str, Any]) -> str:
    lines = [f"## {title}", "", part.get("description", ""), ""]
    lines += ["| key | what | type | default |", "| --- | --- | --- | --- |"]
    required = part.get("required", [])
    for name, member in part["properties"].items():
        default = "" if name in required else f"`{json.dumps(member.get('default'))}`"
        if name not in required and "default" not in member:
            default = "empty"
        said = member.get("description") or f"See {_type(member)}."
        cells = (f"`{name}`", said, _type(member), default)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _type(member: dict[str, Any]) -> str:
    if "$ref" in member:
        return str(member["$ref"].rpartition("/")[2].removesuffix("Configuration"))
    if "anyOf" in member:
        return " or ".join(_type(each) for each in member["anyOf"] if each.get("type") != "null")
    kind = str(member.get("type", "any"))
    inner = member.get("items") or member.get("additionalProperties")
    if isinstance(inner, dict):
        kind += f" of {_type(inner)}"
    bounds = [
        f"{sign} {member[key]:g}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("maximum", "≤"))
        if key in member
    ]
    return ", ".join([kind, *bounds])
