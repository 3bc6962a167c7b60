"""What a run has left behind, gathered for the judge: plans, accounts, streams and tables."""

from dataclasses import dataclass
from typing import Any

from tests.chaos.account import Account
from tests.chaos.plan import Message, plan
from tests.chaos.stream_log import Entry
from tests.chaos.world import World
from weir.clock import to_us

#: A series and an instant: (serial, field, microseconds since 1970).
Key = tuple[str, str, int]
Value = float | str

_READINGS = """
    SELECT serial, field, observed_at, value
    FROM {table} JOIN series USING (series_id) JOIN device USING (device_id)
    """
_ROLLUPS = """
    SELECT rollup_minute.*, serial, field
    FROM rollup_minute JOIN series USING (series_id) JOIN device USING (device_id)
    """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of the dead letters."""

    source: str
    offset: int | None
    reason: str
    body: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Rollup:
    """One minute of one series, with times in microseconds since 1970."""

    count: int
    sum: float
    min: float
    max: float
    first: tuple[int, float]
    last: tuple[int, float]
    sum_squares: float
    sum_positive: float
    sum_negative: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the verdict is made from.

    Attributes:
        plans: each publisher's messages, by their index.
        numbers: rows as they are, so that a key may be there twice.
        firmware: what the registry knows of each device.
    """

    plans: list[dict[int, Message]]
    accounts: list[Account]
    log: list[Entry]
    numbers: list[tuple[Key, Any]]
    texts: list[tuple[Key, Any]]
    dead_letters: list[DeadLetter]
    rollups: dict[Key, Rollup]
    firmware: dict[str, str]


async def gather(world: World, log: list[Entry]) -> Evidence:
    """Read it all, past the proxies, when everything is quiet."""
    plans = []
    for publisher in world.publishers:
        a = publisher.assignment
        messages = plan(a.seed, a.number, a.origin_us, a.reading_count)
        plans.append({message.index: message for message in messages})
    letters = await world.query("SELECT * FROM dead_letter ORDER BY dead_letter_id")
    devices = await world.query("SELECT serial, firmware FROM device")
    return Evidence(
        plans=plans,
        accounts=[publisher.account for publisher in world.publishers],
        log=log,
        numbers=await _readings(world, "reading"),
        texts=await _readings(world, "text_reading"),
        dead_letters=[
            DeadLetter(
                row["source"], row["source_offset"], row["reason"], row["body"], row["error"]
            )
            for row in letters
        ],
        rollups=await _rollups(world),
        firmware={row["serial"]: row["firmware"] for row in devices},
    )


async def _readings(world: World, table: str) -> list[tuple[Key, Any]]:
    rows = await world.query(_READINGS.format(table=table))
    return [((row[0], row[1], to_us(row[2])), row[3]) for row in rows]


async def _rollups(world: World) -> dict[Key, Rollup]:
    return {
        (row["serial"], row["field"], to_us(row["bucket"])): Rollup(
            count=row["count"],
            sum=row["sum"],
            min=row["min"],
            max=row["max"],
            first=(to_us(row["first_at"]), row["first_value"]),
            last=(to_us(row["last_at"]), row["last_value"]),
            sum_squares=row["sum_squares"],
            sum_positive=row["sum_positive"],
            sum_negative=row["sum_negative"],
        )
        for row in await world.query(_ROLLUPS)
    }
