"""In which order tables are loaded, and what a partition spans."""

from datetime import UTC, datetime

import pytest

from weir.postgres.backup_tables import in_order, parse_bounds


def test_what_is_referred_to_comes_first() -> None:
    names = ["device", "org", "reading", "series", "site"]
    references = [("device", "site"), ("series", "device"), ("site", "org"), ("site", "site")]
    order = in_order(names, references)
    assert sorted(names) == sorted(order)
    assert [] == [pair for pair in references if order.index(pair[0]) < order.index(pair[1])]


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="a, b"):
        in_order(["a", "b", "c"], [("a", "b"), ("b", "a")])


@pytest.mark.parametrize(
    ("bounds", "span"),
    [
        ("DEFAULT", []),
        (
            "FOR VALUES FROM ('2026-11-27 00:00:00+00') TO ('2026-11-28 01:00:00+01')",
            [(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))],
        ),
    ],
)
def test_bounds_of_partitions_are_read(bounds: str, span: list[tuple[datetime, datetime]]) -> None:
    assert span == parse_bounds(bounds)
