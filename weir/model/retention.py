"""How long what is stored is kept: ages, the policies that set them, and which of them applies.

An age is a number of whole days, because days of UTC are what is dropped. The policy of a class of
series comes before that of a site, and that before the installation's: age by age, so that a policy
says only what is different.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise, product
from typing import TypeAlias

from weir.errors import RequestError


class Layer(StrEnum):
    """What is kept, each with an age of its own. Texts go with the raw readings."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    EVENT = "event"
    LOCATION = "location"


#: Each but the first is computed from the one before.
SERIES_LAYERS = (Layer.RAW, Layer.MINUTE, Layer.HOUR, Layer.DAY)
#: Of devices, so no class of series has a say in them.
DEVICE_LAYERS = (Layer.EVENT, Layer.LOCATION)

#: Whole days; None: for ever.
Age: TypeAlias = int | None
#: What a policy sets; of what it does not name, the next wider policy decides.
Ages: TypeAlias = Mapping[Layer, Age]

#: A hundred years: nothing that is measured is older.
AGE_DAYS_MAX = 36_525
CLASS_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
FOREVER = "forever"
_AGE = re.compile(r"(\d{1,9})([dwy])")
_UNIT_DAYS = {"d": 1, "w": 7, "y": 365}
AGE_HELP = f"whole days, weeks or years (30d, 26w, 2y), or {FOREVER}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a policy is for: a site, a class of series, or with neither the whole installation."""

    site: str | None = None
    series_class: str | None = None

    def __str__(self) -> str:
        if self.series_class is not None:
            return f"class {self.series_class}"
        return "installation" if self.site is None else f"site {self.site}"


INSTALLATION = Scope()

#: All policies; the installation's is always there and has every age.
Policies: TypeAlias = Mapping[Scope, Ages]


def parse_age(text: str) -> Age:
    """Read an age.

    Raises:
        RequestError: it is none, or out of bounds.
    """
    if text == FOREVER:
        return None
    found = _AGE.fullmatch(text)
    if found is None:
        raise RequestError(f"not an age: {text[:40]!r}; give {AGE_HELP}")
    days = int(found[1]) * _UNIT_DAYS[found[2]]
    if not 1 <= days <= AGE_DAYS_MAX:
        raise RequestError(f"an age is 1d to {AGE_DAYS_MAX}d, or {FOREVER}; not {text[:40]}")
    return days


def format_age(age: Age) -> str:
    """Write an age so that `parse_age` reads it back."""
    return FOREVER if age is None else f"{age}d"


def resolve(policies: Policies, site: str, series_class: str = "") -> dict[Layer, Age]:
    """Give the ages for series of a class at a site; the most specific policy wins, age by age."""
    scopes = (Scope(series_class=series_class), Scope(site=site), INSTALLATION)
    ages: dict[Layer, Age] = {}
    for scope in scopes:
        for layer, age in policies.get(scope, {}).items():
            ages.setdefault(layer, age)
    return ages


def kept_from(now: datetime, age: Age) -> datetime | None:
    """Tell from when on things are kept: a midnight of UTC, at least `age` ago; None: all are."""
    if age is None:
        return None
    day = (now - timedelta(days=age)).astimezone(UTC).date()
    return datetime.combine(day, time(), UTC)


def check_policies(policies: Policies) -> None:
    """Return when every series keeps each level at least as long as the one it is computed from.

    A level that went first would be computed again, from the part that late readings touch only.

    Raises:
        RequestError: some would not; the message names the policies and the ages.
    """
    for scope, ages in policies.items():
        if scope.series_class is not None and any(layer in ages for layer in DEVICE_LAYERS):
            raise RequestError(
                "events and locations belong to devices, not to series: "
                "set their age for a site or the installation"
            )
    sites = [scope.site or "" for scope in policies if scope.series_class is None]
    classes = ["", *(scope.series_class for scope in policies if scope.series_class is not None)]
    for site, series_class in product(sites, classes):
        ages = resolve(policies, site, series_class)
        for below, above in pairwise(SERIES_LAYERS):
            if not _lasts_as_long(ages[above], ages[below]):
                raise RequestError(
                    f"{_where(site, series_class)} would keep {above} ({format_age(ages[above])}) "
                    f"for less time than {below} ({format_age(ages[below])}): each level is kept "
                    "at least as long as what it is computed from; set both"
                )


def _lasts_as_long(age: Age, other: Age) -> bool:
    return age is None or (other is not None and age >= other)


def _where(site: str, series_class: str) -> str:
    parts = [str(Scope(series_class=series_class))] if series_class else []
    if site:
        parts.append(str(Scope(site=site)))
    return " at ".join(parts) or "the installation"
