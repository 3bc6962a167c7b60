"""Events by name: old ones become new ones, unknown and newer ones are refused."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from weir.errors import DecodeError, UnknownEventError
from weir.events.catalogue import Catalogue
from weir.events.event import DomainEvent


class Measured(DomainEvent):
    """Something was measured."""

    type: ClassVar[str] = "measured"
    version: ClassVar[int] = 3

    length_mm: int
    by: str = ""


def upcast_v1_v2(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"length_cm": data["length"]}


def upcast_v2_v3(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"length_mm": data["length_cm"] * 10}


CATALOGUE = Catalogue(
    {"measured": Measured}, {("measured", 1): upcast_v1_v2, ("measured", 2): upcast_v2_v3}
)


@pytest.mark.parametrize(
    ("version", "data"),
    [(1, {"length": 7}), (2, {"length_cm": 7}), (3, {"length_mm": 70})],
)
def test_every_version_becomes_the_newest(version: int, data: dict[str, int]) -> None:
    assert Measured(length_mm=70) == CATALOGUE.decode("measured", version, data)


def test_a_newer_version_is_refused() -> None:
    with pytest.raises(UnknownEventError, match="version 4"):
        CATALOGUE.decode("measured", 4, {"length_um": 70_000})


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(UnknownEventError, match="guessed"):
        CATALOGUE.decode("guessed", 1, {})


def test_data_that_are_not_what_the_version_says_are_refused() -> None:
    with pytest.raises(DecodeError, match="length_mm"):
        CATALOGUE.decode("measured", 3, {"length": 7})


def test_what_a_later_release_has_added_is_passed_over() -> None:
    assert Measured(length_mm=1) == CATALOGUE.decode("measured", 3, {"length_mm": 1, "new": True})
