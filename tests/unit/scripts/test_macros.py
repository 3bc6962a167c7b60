"""Grafana's macros and variables, expanded as it does."""

from datetime import UTC, datetime

import pytest

from scripts.grafana.macros import View, expand

VIEW = View(
    datetime(2026, 11, 28, 14, tzinfo=UTC),
    datetime(2026, 11, 28, 15, tzinfo=UTC),
    "30s",
    {"device": ["pump-1"], "field": ["a", "it's"]},
)
SINCE, UNTIL = "'2026-11-28T14:00:00Z'", "'2026-11-28T15:00:00Z'"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("SELECT 1", "SELECT 1"),
        ("$__timeFrom() $__timeTo()", f"{SINCE} {UNTIL}"),
        ("$__timeFilter(observed_at)", f"observed_at BETWEEN {SINCE} AND {UNTIL}"),
        ("interval '$__interval'", "interval '30s'"),
        ("interval '${__interval}'", "interval '30s'"),
        ("serial = ${device:sqlstring}", "serial = 'pump-1'"),
        ("ARRAY[${field:sqlstring}]", "ARRAY['a','it''s']"),
    ],
)
def test_what_our_panels_use_is_expanded(text: str, expanded: str) -> None:
    assert expanded == expand(text, VIEW)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$__timeGroup(a, 1)", "not known: \\$__timeGroup"),
        ("$nothing", "not known: \\$nothing"),
        ("${nothing:sqlstring}", "not known"),
        ("serial = '$device'", "as it stands"),
        ("serial = '${device}'", "as it stands"),
        ("serial = ${device:raw}", "as it stands"),
    ],
)
def test_what_could_surprise_in_grafana_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        expand(text, VIEW)
