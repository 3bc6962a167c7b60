"""Durations as people write them on a command line."""

import re

import typer

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d{1,9}[dhms])+")
_STEP = re.compile(r"(\d+)([dhms])")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?")


def duration_s(text: str | None) -> float | None:
    """Read `90`, `90s`, `1h30m` or `7d` as seconds; None stays None.

    Raises:
        BadParameter: it is no duration.
    """
    if text is None:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    if _DURATION.fullmatch(text):
        return float(sum(int(count) * _SECONDS[unit] for count, unit in _STEP.findall(text)))
    raise typer.BadParameter(f"{text[:40]!r} is no duration: write 90s, 1h30m or 7d")
