"""Draws curves as a picture: a panel for each unit, one below the other, on a common time axis."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from cli._chart_curves import Curve
from cli._chart_ticks import describe_range, local
from cli._output import printable
from weir.errors import ConfigError

#: What a picture's name may end with.
SUFFIXES = (".png", ".svg", ".pdf")
#: Points of a curve: about one for each pixel.
POINTS = 2_000
_WIDTH_IN = 10.0
_PANEL_HEIGHT_IN = 2.6
_MARGIN_IN = 1.0
_DOTS_AN_INCH = 150


def draw(curves: Sequence[Curve], path: Path, zone: tzinfo | None) -> None:
    """Write a picture; its format is what its name ends with.

    Raises:
        ConfigError: it cannot be written.
        ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    panels: dict[str, list[Curve]] = defaultdict(list)
    for curve in curves:
        # What has no unit is not comparable with anything else.
        panels[curve.unit or f"\0{curve.field}"].append(curve)
    height_in = _MARGIN_IN + _PANEL_HEIGHT_IN * len(panels)
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    is_one_device = len({curve.serial for curve in curves}) == 1
    for axis, group in zip(axes, panels.values(), strict=True):
        _draw_panel(axis, group, zone, names_devices=not is_one_device)
    first_s = min(curve.times_s[0] for curve in curves)
    last_s = max(curve.times_s[-1] for curve in curves)
    _label_times(axes[-1], zone or local(last_s, None).tzinfo or UTC)
    axes[-1].set_xlabel(describe_range(first_s, last_s, zone))
    if is_one_device:
        figure.suptitle(curves[0].serial)
    try:
        figure.savefig(path, dpi=_DOTS_AN_INCH)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error


def _draw_panel(
    axis: Any, curves: Sequence[Curve], zone: tzinfo | None, *, names_devices: bool
) -> None:
    for number, curve in enumerate(curves):
        colour = f"C{number}"
        name = f"{curve.serial} {curve.field}" if names_devices else curve.field
        label: str | None = _escaped(name)
        for run in curve.runs():
            places = slice(run.start, run.stop)
            times = [local(time_s, zone) for time_s in curve.times_s[places]]
            style = {"marker": "."} if len(run) == 1 else {}
            axis.plot(
                times, curve.values[places], color=colour, label=label, linewidth=1.2, **style
            )
            if curve.has_band:
                lows, highs = curve.lows[places], curve.highs[places]
                axis.fill_between(times, lows, highs, color=colour, alpha=0.2, linewidth=0)
            label = None
    axis.grid(visible=True, alpha=0.3)
    axis.margins(x=0)
    axis.spines[["top", "right"]].set_visible(False)
    if len(curves) == 1:
        axis.set_ylabel(_escaped(curves[0].axis if not names_devices else _long_axis(curves[0])))
    else:
        axis.set_ylabel(_escaped(curves[0].unit))
        # Above the panel, where it hides nothing.
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, frameon=False, ncols=4)


def _label_times(axis: Any, zone: tzinfo) -> None:
    from matplotlib import dates

    locator: Any = dates.AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call] # it has no types
    formatter: Any = dates.ConciseDateFormatter(locator, tz=zone)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(formatter)


def _long_axis(curve: Curve) -> str:
    return f"{curve.serial}\n{curve.axis}"


def _escaped(text: str) -> str:
    """Keep a dollar from starting a formula."""
    return printable(text).replace("$", r"\$")
