"""The agent's file as YAML: read it, and change one device's entry without touching the rest."""

from collections.abc import Mapping
from typing import Any

import yaml


def parse(text: str) -> Any:
    """Read a document.

    Raises:
        ValueError: it is no YAML: where, and why.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def with_device(text: str, raw: Mapping[str, Any], index: int) -> str:
    """Write `raw` down, in which one device has changed, with the comments of all others.

    Where the layout does not allow that, the whole is written anew, without comments.
    """
    changed = _replace_entry(text, index, raw["devices"][index])
    return _dump(raw) if changed is None or parse(changed) != raw else changed


def _replace_entry(text: str, index: int, entry: Mapping[str, Any]) -> str | None:
    """Replace the text of one device; `None` where the layout does not allow it."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None
    for key, value in root.value:
        if key.value == "devices" and isinstance(value, yaml.SequenceNode):
            node = value.value[index]
            if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
                return None
            start = node.start_mark
            lines = _dump(entry).splitlines()
            indented = ("\n" + " " * start.column).join(lines)
            end = text.find("\n", _end_of(node))
            return text[: start.index] + indented + (text[end:] if end >= 0 else "\n")
    return None


def _end_of(node: yaml.Node) -> int:
    """Find where the last word of a node ends: its own mark counts comments that follow."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _dump(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
