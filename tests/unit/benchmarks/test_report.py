"""What a run of the benchmarks comes to, in a line and as an exit code."""

from benchmarks.__main__ import Report
from benchmarks.scenarios import Figure

MET = Figure("stored", 90.0, "readings/s", ceiling=100.0, target=0.85)
MISSED = Figure("latency", 60.0, "ms", target=50.0, is_limit=True)


def test_all_targets_met_is_success() -> None:
    report = Report("", [MET, Figure("ceiling", 100.0, "readings/s")], [])

    assert (0, "verdict: all targets met") == (report.exit_code, report.verdict)


def test_a_missed_target_is_named() -> None:
    report = Report("", [MET, MISSED], [])

    assert (1, "verdict: targets missed: latency") == (report.exit_code, report.verdict)


def test_a_scenario_that_failed_counts_more_than_a_target() -> None:
    report = Report("", [MISSED], ["series, run 1: stands still"])

    assert (2, "verdict: FAILED: series, run 1: stands still") == (report.exit_code, report.verdict)
