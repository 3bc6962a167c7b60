"""A configuration is wanted, reported, refused, edited at the device, taken back."""

from datetime import timedelta
from typing import Any

from weir.events.configuration import (
    REPORT_INTERVAL,
    REPORTS_MAX,
    Configuration,
    ConfigurationDesired,
    ConfigurationRejected,
    ConfigurationReported,
    Desire,
    How,
    Report,
    decide,
    evolve,
    news_of,
)
from weir.model.configuration import ReportedConfiguration, hash_of
from weir.model.configuration_sync import SyncState
from weir.testing.clock import START

FAST: dict[str, Any] = {"sample_rate_hz": 50}
SLOW: dict[str, Any] = {"sample_rate_hz": 1}


def after(configuration: Configuration, *commands: Desire | Report) -> Configuration:
    for command in commands:
        for event in decide(configuration, command):
            configuration = evolve(configuration, event)
    return configuration


def runs(version: int, document: dict[str, Any], **more: Any) -> Report:
    return Report(ReportedConfiguration(version, hash_of(document), **more), START)


def edited(document: dict[str, Any]) -> Report:
    return Report(ReportedConfiguration(0, hash_of(document), document), START)


def test_versions_ascend_and_the_same_again_is_none() -> None:
    configuration = after(Configuration(), Desire(FAST), Desire(SLOW), Desire(SLOW), Desire(FAST))

    assert (3, FAST, 3) == (
        configuration.wanted.version,
        configuration.document,
        configuration.version,
    )


def test_a_device_that_takes_it_is_in_sync() -> None:
    configuration = after(Configuration(), Desire(FAST), runs(1, FAST))

    assert SyncState.IN_SYNC is configuration.state
    assert [] == decide(configuration, runs(1, FAST))


def test_a_device_that_refuses_it_is_not_asked_again_until_there_is_another() -> None:
    refusal = runs(1, FAST, rejected_version=2, error="too slow")
    configuration = after(Configuration(), Desire(FAST), runs(1, FAST), Desire(SLOW), refusal)

    assert (SyncState.REJECTED, False) == (configuration.state, configuration.is_to_be_sent)
    configuration = after(configuration, Desire({"sample_rate_hz": 2}))
    assert (SyncState.PENDING, True) == (configuration.state, configuration.is_to_be_sent)


def test_what_a_device_has_forgotten_that_it_refused_is_not_sent_again() -> None:
    refusal = runs(1, FAST, rejected_version=2, error="too slow")
    forgetful = (runs(1, FAST), runs(0, {}), runs(1, FAST))
    configuration = after(
        Configuration(), Desire(FAST), runs(1, FAST), Desire(SLOW), refusal, *forgetful
    )

    assert SyncState.REJECTED is configuration.state


def test_one_report_may_say_both_what_runs_and_what_was_refused() -> None:
    events = decide(Configuration(), runs(1, FAST, rejected_version=2, error="no"))

    assert [ConfigurationReported, ConfigurationRejected] == [type(event) for event in events]


def test_what_is_edited_at_the_device_waits_for_an_operator() -> None:
    configuration = after(Configuration(), Desire(FAST), runs(1, FAST), edited(SLOW))

    assert (SyncState.PENDING, False, True) == (
        configuration.state,
        configuration.is_to_be_sent,
        configuration.is_edited_at_device,
    )
    adopted = after(configuration, Desire(SLOW, How.ADOPTION))
    assert (SyncState.IN_SYNC, 2) == (adopted.state, adopted.wanted.version)
    overwritten = after(configuration, Desire(FAST, How.OVERWRITING))
    assert (True, 2, FAST) == (
        overwritten.is_to_be_sent,
        overwritten.wanted.version,
        overwritten.document,
    )


def test_what_a_new_device_brings_with_it_is_no_edit() -> None:
    configuration = after(Configuration(), Desire(FAST), edited(SLOW))

    assert (True, False) == (configuration.is_to_be_sent, configuration.is_edited_at_device)


def test_a_partial_change_is_of_what_is_wanted_else_of_what_the_device_brought() -> None:
    assert {} == Configuration().base
    brought = after(Configuration(), edited({"rate": 5, "range": 2}))
    assert {"rate": 5, "range": 2} == brought.base
    assert {"rate": 7} == after(brought, Desire({"rate": 7})).base


def test_a_device_that_lost_everything_gets_it_again() -> None:
    lost = Report(ReportedConfiguration(), START)
    configuration = after(Configuration(), Desire(FAST), runs(1, FAST), lost)

    assert (SyncState.PENDING, True) == (configuration.state, configuration.is_to_be_sent)


def test_a_new_version_is_beyond_what_the_device_runs() -> None:
    configuration = after(Configuration(), Desire(FAST), runs(7, SLOW))
    assert SyncState.UNKNOWN is configuration.state

    (event,) = decide(configuration, Desire(SLOW | {"a": 1}))

    assert isinstance(event, ConfigurationDesired)
    assert 8 == event.configuration_version


def test_a_device_that_says_something_else_each_time_cannot_flood_the_journal() -> None:
    configuration, count = Configuration(), 0
    for second in range(600):
        reported = ReportedConfiguration(second % 7, f"sha256:{second}")
        report = Report(reported, START + timedelta(seconds=second))
        events = decide(configuration, report)
        count += len(events)
        for event in events:
            configuration = evolve(configuration, event)

    assert REPORTS_MAX <= count <= REPORTS_MAX + 2
    assert news_of(configuration, report)
    later = Report(reported, report.at + REPORT_INTERVAL)
    assert 1 == len(decide(configuration, later))
