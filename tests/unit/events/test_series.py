"""A device's word holds until an operator says otherwise, and again when that is taken back."""

from weir.events.event import DomainEvent
from weir.events.series import (
    Announced,
    Change,
    Describe,
    Series,
    SeriesChanged,
    SeriesCreated,
    Settings,
    decide,
    evolve,
)
from weir.model.announcement import Kind

NEW = evolve(Series(), SeriesCreated(series_id=3, unit="Wh", kind=Kind.TOTAL))


def after(series: Series, *commands: Describe | Change) -> Series:
    for command in commands:
        for event in decide(series, command):
            series = evolve(series, event)
    return series


def test_an_operators_word_outlasts_announcements() -> None:
    said = Change(Settings(unit="kW.h", kind=Kind.TOTAL_INCREASING))

    series = after(NEW, said, Describe(Announced("MWh", "at the meter", Kind.GAUGE)))

    assert ("kW.h", Kind.TOTAL_INCREASING) == (series.unit, series.kind)
    assert "at the meter" == series.description
    assert Announced("MWh", "at the meter", Kind.GAUGE) == series.announced


def test_what_is_restored_is_as_the_device_says() -> None:
    said = after(NEW, Change(Settings(unit="kW.h", series_class="billing")))

    series = after(said, Change(Settings(), frozenset({"unit", "series_class", "kind"})))

    assert ("Wh", "", Settings()) == (series.unit, series.series_class, series.settings)
    assert NEW.version + 2 == series.version


def test_saying_what_is_so_already_changes_nothing() -> None:
    said = after(NEW, Change(Settings(kind=Kind.TOTAL)))

    assert [] == decide(said, Change(Settings(kind=Kind.TOTAL)))
    assert [] == decide(said, Describe(said.announced))
    assert [] == decide(NEW, Change(Settings(), frozenset({"unit"})))


def test_only_what_changes_is_in_the_event() -> None:
    said = after(NEW, Change(Settings(unit="kW.h")))

    events: list[DomainEvent] = decide(said, Change(Settings(unit="kW.h", kind=Kind.GAUGE)))

    assert [SeriesChanged(kind=Kind.GAUGE)] == events
