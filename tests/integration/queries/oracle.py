"""What an answer must be, by pandas: it knows nothing of levels, segments or parts."""

from datetime import datetime

import numpy as np
import pandas as pd

from tests.integration.queries.filling import Filled
from weir.clock import to_us
from weir.model.announcement import Kind
from weir.model.query import Function, Resolution

FUNCTIONS = {
    Function.AVG: "mean",
    Function.MIN: "min",
    Function.MAX: "max",
    Function.SUM: "sum",
    Function.COUNT: "count",
    Function.FIRST: "first",
    Function.LAST: "last",
    Function.STDDEV: "std",
}


def expected(
    filled: Filled, since: datetime, until: datetime, resolution: Resolution, zone: str = "UTC"
) -> pd.DataFrame:
    """Give every function of every bucket, indexed by its start in microseconds."""
    instants = sorted(filled.readings)
    readings = pd.DataFrame(
        {"value": [filled.readings[at] for at in instants], "at": np.array(instants, dtype="int64")}
    )
    readings["step"] = (
        [
            _step(filled.kind, before, value)
            for before, value in zip(
                [None, *readings["value"][:-1]], readings["value"], strict=True
            )
        ]
        if instants
        else []
    )
    within = readings[(readings["at"] >= to_us(since)) & (readings["at"] < to_us(until))]
    local = pd.to_datetime(within["at"], unit="us", utc=True).dt.tz_convert(zone)
    if resolution is Resolution.DAY:
        starts = local.dt.normalize()
    else:
        starts = local.dt.floor(f"{int(resolution.width.total_seconds())}s")
    keys = starts.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]").astype("int64")
    groups = within.groupby(keys)
    columns = {each: groups["value"].agg(name) for each, name in FUNCTIONS.items()}
    columns[Function.RISE] = groups["step"].sum()
    return pd.DataFrame(columns)


def _step(kind: Kind, previous: float | None, value: float) -> float:
    if previous is None:
        return 0.0
    if kind is Kind.TOTAL_INCREASING and value < 0.9 * previous:
        return value
    return value - previous
