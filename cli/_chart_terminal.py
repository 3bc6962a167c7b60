"""Draws curves with characters: a panel for each, one below the other, on a common time axis."""

import sys
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from cli._chart_curves import Curve
from cli._chart_ticks import describe_range, tick_times, tick_values

#: A panel is never lower, also where the terminal then scrolls.
_PANEL_LINES_MIN = 9
_PANEL_LINES_MAX = 20
#: Columns that the label of a tick takes, with the space around it.
_TICK_COLUMNS = 16
_AXIS_COLUMNS = 8
#: Lines of a panel for each label of its values.
_TICK_LINES = 2
#: The title, the frame and the labels of the time.
_FRAME_LINES = 4
#: What braille divides a character into.
DOTS_A_COLUMN = 2


def points_for(columns: int) -> int:
    """Tell how many points of a curve can be told apart in so many columns."""
    return max(columns - _AXIS_COLUMNS, _TICK_COLUMNS) * DOTS_A_COLUMN


def draw(curves: Sequence[Curve], size: tuple[int, int], zone: tzinfo | None) -> None:
    """Print a chart in so many columns and lines, with colours only where a person looks."""
    import plotext

    columns, lines = size
    figure = plotext.figure
    figure.clear()
    # The terminal's own colours: a light theme on a dark screen would be a lamp.
    figure.theme("colorless")
    panel_lines = min(max((lines - 2) // len(curves), _PANEL_LINES_MIN), _PANEL_LINES_MAX)
    figure.plot_size(columns, panel_lines * len(curves))
    figure.subplots(len(curves), 1)
    first_s = min(curve.times_s[0] for curve in curves)
    last_s = max(curve.times_s[-1] for curve in curves)
    times, labels = tick_times(first_s, last_s, max(columns // _TICK_COLUMNS, 2), zone)
    for number, curve in enumerate(curves, start=1):
        # A single panel is the figure itself.
        panel = figure.subplot(number, 1) if len(curves) > 1 else figure
        panel.title(_title(curve)[: columns - 2])
        panel.legend(False)  # noqa: FBT003 - that is how it is called
        _draw_curve(panel, curve, first_s)
        ruler = panel.ruler(0)
        # Times since the first: large numbers lose their last digits on the way.
        ruler.lim(0.0, max(last_s - first_s, 1.0))
        ruler.ticks([time_s - first_s for time_s in times], labels)
        tick_count = max((panel_lines - _FRAME_LINES) // _TICK_LINES, 3)
        panel.ruler(1).ticks(*tick_values(min(curve.values), max(curve.values), tick_count))
    sys.stdout.write(figure.build().string(colorless=not sys.stdout.isatty()) + "\n")
    sys.stdout.write(f"{describe_range(first_s, last_s, zone):^{columns}}".rstrip() + "\n")


def _draw_curve(panel: Any, curve: Curve, first_s: float) -> None:
    for run in curve.runs():
        times = [curve.times_s[place] - first_s for place in run]
        signal = panel.signal(times, [curve.values[place] for place in run], marker="braille")
        signal.lines(active=True)
        panel.draw(signal)


def _title(curve: Curve) -> str:
    low = min(curve.lows if curve.has_band else curve.values)
    high = max(curve.highs if curve.has_band else curve.values)
    last = curve.values[-1]
    return f"{curve.serial} {curve.axis}   min {low:.6g}  max {high:.6g}  last {last:.6g}"
