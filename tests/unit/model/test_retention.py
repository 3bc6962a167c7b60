"""Ages, which policy applies, and which are refused."""

from datetime import UTC, datetime

import pytest

from weir.errors import RequestError
from weir.events.retention import RetentionChanged, change, entity_id, evolve
from weir.model.retention import (
    INSTALLATION,
    Age,
    Layer,
    Policies,
    Scope,
    check_policies,
    format_age,
    kept_from,
    parse_age,
    resolve,
)

HOUSE = Scope(site="house-1")
VIBRATION = Scope(series_class="vibration")
DEFAULTS: dict[Layer, Age] = {
    Layer.RAW: 30,
    Layer.MINUTE: 180,
    Layer.HOUR: None,
    Layer.DAY: None,
    Layer.EVENT: None,
    Layer.LOCATION: None,
}
POLICIES: Policies = {
    INSTALLATION: DEFAULTS,
    HOUSE: {Layer.RAW: 90, Layer.HOUR: 400},
    VIBRATION: {Layer.RAW: 2},
}


@pytest.mark.parametrize(
    ("text", "age"), [("1d", 1), ("30d", 30), ("2w", 14), ("2y", 730), ("36525d", 36_525)]
)
def test_an_age_is_whole_days(text: str, age: int) -> None:
    assert age == parse_age(text)
    assert age == parse_age(format_age(age))


def test_for_ever_is_an_age() -> None:
    assert parse_age("forever") is None
    assert "forever" == format_age(None)


@pytest.mark.parametrize(
    "text",
    ["", "0d", "-5d", "36526d", "101y", "12h", "30", "d", "1.5d", "30 d", "never", "9" * 400 + "d"],
)
def test_an_absurd_age_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(RequestError, match="forever"):
        parse_age(text)


@pytest.mark.parametrize(
    ("site", "series_class", "expected"),
    [
        ("elsewhere", "", (30, 180, None, None)),
        ("house-1", "", (90, 180, 400, None)),
        ("elsewhere", "vibration", (2, 180, None, None)),
        ("house-1", "vibration", (2, 180, 400, None)),
        ("house-1", "unheard-of", (90, 180, 400, None)),
    ],
)
def test_class_then_site_then_installation_age_by_age(
    site: str, series_class: str, expected: tuple[Age, ...]
) -> None:
    ages = resolve(POLICIES, site, series_class)

    assert expected == tuple(ages[layer] for layer in list(Layer)[:4])


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 14, 15, 9, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)),
        (datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)),
        (datetime(2026, 3, 13, 23, 59, 59, 999_999, UTC), datetime(2026, 3, 11, tzinfo=UTC)),
    ],
)
def test_what_is_kept_begins_at_a_midnight_at_least_the_age_ago(
    now: datetime, expected: datetime
) -> None:
    assert expected == kept_from(now, 2)


def test_what_is_kept_for_ever_has_no_beginning() -> None:
    assert kept_from(datetime(2026, 3, 14, tzinfo=UTC), None) is None


def test_policies_that_keep_each_level_longer_are_accepted() -> None:
    check_policies(POLICIES)
    check_policies({INSTALLATION: {**DEFAULTS, Layer.MINUTE: 30}})


@pytest.mark.parametrize(
    ("scope", "ages", "complaint"),
    [
        (INSTALLATION, {**DEFAULTS, Layer.MINUTE: 29}, "the installation would keep minute .29d"),
        (INSTALLATION, {**DEFAULTS, Layer.RAW: None}, "minute .180d. for less time than raw"),
        (HOUSE, {Layer.RAW: 200}, "site house-1 would keep minute .180d"),
        (VIBRATION, {Layer.MINUTE: 10}, "class vibration would keep minute .10d"),
        (VIBRATION, {Layer.HOUR: 400, Layer.DAY: 399}, "keep day .399d. for less time than hour"),
        (VIBRATION, {Layer.EVENT: 4}, "events and locations belong to devices"),
    ],
)
def test_a_level_that_would_go_before_the_one_below_is_refused(
    scope: Scope, ages: dict[Layer, Age], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint):
        check_policies({INSTALLATION: DEFAULTS, scope: ages})


def test_a_site_and_a_class_that_contradict_each_other_are_refused() -> None:
    policies: Policies = {
        INSTALLATION: DEFAULTS,
        HOUSE: {Layer.RAW: 10, Layer.MINUTE: 20},
        VIBRATION: {Layer.RAW: 25},
    }

    with pytest.raises(RequestError, match="class vibration at site house-1 would keep minute"):
        check_policies(policies)


def test_a_change_is_an_event_with_all_ages_that_the_policy_has() -> None:
    [event] = change(HOUSE, {Layer.HOUR: 400}, {Layer.RAW: 90})

    ages = {Layer.RAW: 90, Layer.HOUR: 400}
    assert RetentionChanged(site="house-1", series_class=None, ages=ages) == event
    assert ages == evolve({}, event)
    assert "site/house-1" == entity_id(HOUSE)


def test_what_is_so_already_is_no_event() -> None:
    assert [] == change(HOUSE, {Layer.RAW: 90}, {Layer.RAW: 90}, [Layer.DAY])


def test_forgetting_the_last_age_leaves_an_empty_policy() -> None:
    [event] = change(HOUSE, {Layer.RAW: 90}, {}, [Layer.RAW])

    assert {} == evolve({Layer.RAW: 90}, event)
