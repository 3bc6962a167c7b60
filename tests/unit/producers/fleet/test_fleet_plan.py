"""What a fleet is going to send: repeatable, with as many faults as asked for."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from producers.fleet.faults import Fault, FaultShares, parse_faults
from producers.fleet.plan import (
    DEVICE_COUNT_MAX,
    FIELD,
    LATE_S_MAX,
    LATE_S_MIN,
    RATE_HZ_MAX,
    FleetPlan,
    encode,
    messages,
)
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.codec.registry import decode_announcement, encode_announcement
from weir.errors import ConfigError, DecodeError

START_US = 1_795_248_000_000_000
PLAN = FleetPlan(10, 1.0, 7, "fleet-", 5, FaultShares())
SHARES = FaultShares(late=0.05, duplicate=0.1, out_of_order=0.05, missing=0.1, garbage=0.2)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("", FaultShares()),
        ("late=1%,duplicate=0.5%", FaultShares(late=0.01, duplicate=0.005)),
        (" missing=0.25 , garbage=50%", FaultShares(missing=0.25, garbage=0.5)),
    ],
)
def test_shares_are_read(text: str, shares: FaultShares) -> None:
    assert shares == parse_faults(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slow=1%", "no fault 'slow': there are late, duplicate"),
        ("late=1", "100%|at most 90%"),
        ("late=150%", "a share is from 0%"),
        ("late=nan", "a share is from 0%"),
        ("late", "a share is from 0%"),
        ("late=1%,late=2%", "late twice"),
        ("garbage=51%", "garbage after at most 50%"),
    ],
)
def test_what_is_no_share_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_faults(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"devices": 0}, "--devices 0"),
        ({"devices": DEVICE_COUNT_MAX + 1}, "--devices 100001"),
        ({"rate_hz": RATE_HZ_MAX * 1.01}, "--rate"),
        ({"rate_hz": 0.0}, "--rate"),
        ({"prefix": "a.b"}, "--prefix"),
        ({"prefix": "x" * 62}, "--prefix"),
    ],
)
def test_a_fleet_has_bounds(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replace(PLAN, **change)  # type: ignore[arg-type] # one of them


def test_the_seed_repeats_everything_but_the_times() -> None:
    plan = replace(PLAN, faults=SHARES)
    one = list(islice(messages(plan, 3, START_US), 500))
    other = list(islice(messages(plan, 3, START_US + 9), 500))
    assert [replace(each, first_us=0, due_us=0) for each in one] == [
        replace(each, first_us=0, due_us=0) for each in other
    ]
    assert one != list(islice(messages(plan, 4, START_US), 500))
    assert one != list(islice(messages(replace(plan, seed=8), 3, START_US), 500))


def test_values_do_not_depend_on_the_faults() -> None:
    calm = [each.values for each in islice(messages(PLAN, 0, START_US), 500)]
    plan = replace(PLAN, faults=replace(SHARES, garbage=0.0))
    assert calm == [each.values for each in islice(messages(plan, 0, START_US), 500)]


def test_as_many_messages_are_hit_as_asked_for() -> None:
    planned = list(islice(messages(replace(PLAN, faults=SHARES), 0, START_US), 10_000))
    counts = Counter(each.fault for each in planned)
    for fault in Fault:
        assert getattr(SHARES, fault) == pytest.approx(counts[fault] / 10_000, rel=0.15)
    assert 0.2 == pytest.approx(sum(bool(each.garbage) for each in planned) / 10_000, rel=0.1)
    late_s = [each.delay_us / 1e6 for each in planned if each.fault is Fault.LATE]
    assert LATE_S_MIN <= min(late_s) < LATE_S_MIN + 1
    assert LATE_S_MAX - 1 < max(late_s) <= LATE_S_MAX


@pytest.mark.parametrize(
    ("rate_hz", "count", "period_us"), [(1, 1, 1_000_000), (0.1, 1, 10_000_000), (50, 50, 20_000)]
)
def test_readings_of_a_second_share_a_message(rate_hz: float, count: int, period_us: int) -> None:
    plan = replace(PLAN, rate_hz=rate_hz)
    first, second = islice(messages(plan, 0, START_US), 2)
    assert count == len(first.values)
    assert first.first_us + count * period_us == second.first_us
    batch = decode_measurements(encode(plan, second, second.due_us), "fleet-01", second.due_us)
    assert isinstance(batch, MeasurementBatch)
    (column,) = batch.columns
    assert (FIELD, 2, 5) == (column.name, batch.sequence, batch.boot_id)
    assert list(second.values) == list(column.numbers)
    assert list(range(second.first_us, second.due_us + 1, period_us)) == list(column.observed_at_us)


def test_garbage_is_nothing_that_decodes_and_all_of_it_differs() -> None:
    plan = replace(PLAN, faults=FaultShares(garbage=0.5))
    garbage = [each.garbage for each in islice(messages(plan, 0, START_US), 400) if each.garbage]
    assert len(garbage) == len(set(garbage))
    for body in garbage:
        with pytest.raises(DecodeError):
            decode_measurements(body, "fleet-01", START_US)


def test_a_device_announces_itself() -> None:
    announcement = PLAN.announcement(2)
    assert "fleet-03" == announcement.serial
    assert announcement == decode_announcement(encode_announcement(announcement), "fleet-03")
