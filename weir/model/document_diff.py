"""What differs between two JSON documents, place by place. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What became of a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs; `path` is as people write it, `limits.high`.

    A name with a dot, a backslash or an equals sign in it has a backslash before each. Lists are
    compared as wholes: where one has grown at its front, everything behind would differ.
    """

    path: str
    kind: Kind
    before: Any = None
    after: Any = None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Tell what differs, in the order of the names."""
    return list(_differences(before, after, ""))


def join_path(parent: str, name: str) -> str:
    """Spell the place of the member `name` of what is at `parent`."""
    escaped = "".join(f"\\{char}" if char in "\\.=" else char for char in name)
    return f"{parent}.{escaped}" if parent else escaped


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], parent: str
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        path = join_path(parent, name)
        if name not in before:
            yield Difference(path, Kind.ADDED, after=after[name])
        elif name not in after:
            yield Difference(path, Kind.REMOVED, before=before[name])
        elif isinstance(before[name], Mapping) and isinstance(after[name], Mapping):
            yield from _differences(before[name], after[name], path)
        elif not _is_same(before[name], after[name]):
            yield Difference(path, Kind.CHANGED, before[name], after[name])


def _is_same(one: Any, other: Any) -> bool:
    # In Python true is 1, in JSON it is not.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    return bool(one == other)
