"""Which readings are reported, and when they become a message."""

import pytest

from producers.agent.batching import Batch, ChangeFilter, bounds
from producers.agent.configuration import BatchConfiguration, FieldConfiguration
from weir.codec.encode import FieldReadings, Value

SECOND = 1_000_000
HOUR_S = 3_600.0


def reported(rule: FieldConfiguration, *readings: tuple[float, Value]) -> list[Value]:
    """Give the values that pass; each reading comes in a poll of its own."""
    changes = ChangeFilter({"x": rule})
    passed: list[Value] = []
    for second, value in readings:
        given = changes.pass_on(FieldReadings("x", [round(second * SECOND)], [value]))
        passed += [] if given is None else given.values
    return passed


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        (FieldConfiguration(), [1, 1, 2, 2, 1], [1, 2, 1]),
        (FieldConfiguration(dead_band=0.5), [1.0, 1.5, 1.6, 1.2, 1.05], [1.0, 1.6, 1.05]),
        (FieldConfiguration(dead_band=10), [True, True, False], [True, False]),
        (FieldConfiguration(dead_band=10), ["on", "on", "off"], ["on", "off"]),
        (FieldConfiguration(heartbeat_s=2), [5, 5, 5, 5, 5], [5, 5, 5]),
    ],
)
def test_a_field_is_reported_on_change_and_now_and_then(
    rule: FieldConfiguration, values: list[Value], expected: list[Value]
) -> None:
    assert expected == reported(rule, *enumerate(values))


def test_a_clock_that_goes_back_does_not_silence_a_field() -> None:
    assert [5, 5] == reported(FieldConfiguration(), (9_000, 5), (10, 5), (11, 5))


def test_fields_without_a_rule_pass_as_they_are() -> None:
    readings = FieldReadings("y", range(3), [1, 1, 1])
    assert readings is ChangeFilter({"x": FieldConfiguration()}).pass_on(readings)


def test_of_a_column_only_the_news_passes() -> None:
    changes = ChangeFilter({"x": FieldConfiguration()})
    given = changes.pass_on(FieldReadings("x", [1, 2, 3, 4], [7, 7, 8, 8], "A"))
    assert FieldReadings("x", (1, 3), (7, 8), "A") == given


@pytest.mark.parametrize(
    ("limits", "polls"),
    [
        (BatchConfiguration(), 1),
        (BatchConfiguration(seconds=10), 10),
        (BatchConfiguration(seconds=1), 1),
        (BatchConfiguration(readings=3, seconds=HOUR_S), 3),
        (BatchConfiguration(readings=65_536, seconds=3), 3),
    ],
)
def test_a_batch_is_due_by_count_or_age(limits: BatchConfiguration, polls: int) -> None:
    batch = Batch(limits)
    assert not batch.is_due(0, SECOND)
    due = []
    for second in range(polls):
        batch.add(second * SECOND, [FieldReadings("x", [second * SECOND], [1])])
        due.append(batch.is_due(second * SECOND, SECOND))
    assert [False] * (polls - 1) + [True] == due


def test_a_batch_does_not_wait_for_a_clock_that_has_gone_back() -> None:
    batch = Batch(BatchConfiguration(seconds=60))
    batch.add(100 * SECOND, [FieldReadings("x", [100 * SECOND], [1])])
    assert batch.is_due(50 * SECOND, SECOND)


def test_readings_of_a_field_are_joined_in_their_order() -> None:
    batch = Batch(BatchConfiguration())
    batch.add(0, [FieldReadings("x", [1], [1]), FieldReadings("y", [1], ["a"])])
    batch.add(0, [FieldReadings("x", [2], [2.5])])
    assert 3 == batch.count
    assert [[FieldReadings("x", [1, 2], [1, 2.5]), FieldReadings("y", [1], ["a"])]] == batch.take()
    assert (0, []) == (batch.count, batch.take())


def test_a_field_that_changes_its_unit_or_kind_needs_another_message() -> None:
    parts = [
        FieldReadings("x", [1], [1], "A"),
        FieldReadings("x", [2], [2], "kA"),
        FieldReadings("x", [3], ["off"], "A"),
    ]
    batch = Batch(BatchConfiguration())
    batch.add(0, parts)
    assert [[part] for part in parts] == batch.take()


def test_computed_times_stay_computed() -> None:
    readings = FieldReadings("x", range(0, 1_000, 10), [0.5] * 100)
    batch = Batch(BatchConfiguration())
    batch.add(0, [readings])
    assert readings is batch.take()[0][0]


def test_the_bounds_of_readings_are_their_first_and_last_instants() -> None:
    fields = [FieldReadings("x", [5, 9], [1, 1]), FieldReadings("y", [2, 7], [1, 1])]
    assert (2, 9) == bounds(fields)
