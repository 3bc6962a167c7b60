"""What `iotctl aggregates` makes of what it is told, and of what it finds."""

from typing import Any

import pytest
import typer

from cli._rebuild import parse_range
from cli._verification import Verified
from cli.aggregates import mending, notes


def difference(**changes: str) -> dict[str, Any]:
    return {
        "level": "minute",
        "serial": "meter-1",
        "field": "power",
        "bucket": "2026-03-14T15:09:00.000000Z",
        "column": "sum",
        "stored": 1.0,
        "expected": 2.0,
    } | changes


def verified(*differences: dict[str, Any], **changes: Any) -> Verified:
    level = {"level": "minute", "checked_count": 5, "unverifiable_count": 0, "waiting_count": 0}
    return Verified({"minute": level}, list(differences), "2026-03-14T16:00:00Z", **changes)


@pytest.mark.parametrize(
    ("given", "window"),
    [
        (("7d", None, None), ("7d", None)),
        (("7d", "1d", None), ("7d", "1d")),
        ((None, None, "2026-11-01..2026-11-08"), ("2026-11-01", "2026-11-08")),
        ((None, None, "7d.."), ("7d", None)),
    ],
)
def test_a_range_is_since_and_until(
    given: tuple[str | None, str | None, str | None], window: tuple[str, str | None]
) -> None:
    assert window == parse_range(*given)


@pytest.mark.parametrize(
    "given",
    [(None, None, None), (None, "1d", None), ("7d", None, "7d..1d"), (None, None, "7d")],
)
def test_a_range_must_be_said_in_one_way(given: tuple[str | None, str | None, str | None]) -> None:
    with pytest.raises(typer.BadParameter):
        parse_range(*given)


def test_the_command_that_mends_is_given() -> None:
    found = verified(
        difference(), difference(serial="meter-0", bucket="2026-03-11T00:00:00.000000Z")
    )
    assert (
        "iotctl aggregates rebuild --device meter-0 --device meter-1 --field power "
        "--range 2026-03-11..2026-03-16"
    ) == mending(found)


def test_many_devices_and_fields_are_mended_as_a_whole() -> None:
    found = [difference(serial=f"meter-{n}", field=f"field-{n}") for n in range(9)]
    assert "iotctl aggregates rebuild --range 2026-03-14..2026-03-16" == mending(verified(*found))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no differences"),
        ({"is_certain": False}, "iotctl run aggregates"),
        ({"is_complete": False}, "there are more differences"),
    ],
)
def test_what_is_not_plain_is_said(changes: dict[str, bool], words: str) -> None:
    assert words in "\n".join(notes(verified(**changes)))


@pytest.mark.parametrize(
    ("name", "words"),
    [("unverifiable_count", "3 buckets cannot be verified"), ("waiting_count", "3 buckets are")],
)
def test_what_was_not_compared_is_said(name: str, words: str) -> None:
    found = verified()
    found.levels["minute"][name] = 3
    assert words in "\n".join(notes(found))
