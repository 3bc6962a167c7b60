"""Whether every consumer of a stream or of the journal goes on: its lag, and its last commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from weir.consumer import JOURNAL
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, skipped, warning
from weir.errors import BrokerUnavailableError
from weir.postgres.queries.checkpoints import CheckpointRow, list_checkpoints
from weir.postgres.queries.journal import journal_end
from weir.rabbitmq.stream_ends import end_offset

#: The aggregates put a minute off until it is over, and nobody else as long.
STUCK_AGE = timedelta(minutes=3)
#: Messages: a minute of what a large installation sends.
LAG_MAX = 100_000
#: Checkpoints of replays are left where they ended.
_REPLAY = ".replay"


async def check(installation: Installation) -> Sequence[Finding]:
    """Compare the checkpoint of each consumer with the end of what it reads."""
    url = installation.settings.stream.url
    if url is None:
        return [skipped("consumers", "WEIR_STREAM_URL is not set")]
    rows = await list_checkpoints(installation.pool)
    rows = [row for row in rows if not row.consumer.endswith(_REPLAY)]
    if not rows:
        remedy = "iotctl up, or iotctl run NAME"
        return [warning("consumers", "none has ever committed anything", remedy)]
    ends = {JOURNAL: await journal_end(installation.pool) + 1}
    gone = set()
    for stream in sorted({row.stream for row in rows} - {JOURNAL}):
        try:
            ends[stream] = await end_offset(url.get_secret_value(), stream)
        except BrokerUnavailableError:
            gone.add(stream)
    now = installation.clock.now()
    return [
        *(_gone(row) for row in rows if row.stream in gone),
        *(judge(row, ends, now) for row in rows if row.stream not in gone),
    ]


def judge(row: CheckpointRow, ends: Mapping[str, int], now: datetime) -> Finding:
    """Compare a checkpoint with the end of its stream."""
    subject = f"{row.consumer} of {row.stream}"
    lag_count = max(0, ends[row.stream] - row.next_offset)
    age = now - row.recorded_at
    if lag_count == 0:
        return ok(subject, "it has read everything")
    told = f"{lag_count} messages wait, its last commit is {age.total_seconds():.0f} s old"
    if age > STUCK_AGE:
        return failure(subject, f"{told}: it is stuck or not running", f"iotctl run {row.consumer}")
    if lag_count > LAG_MAX:
        return warning(subject, f"{told}: it does not keep up", "iotctl checkpoints list")
    return ok(subject, told)


def _gone(row: CheckpointRow) -> Finding:
    return warning(
        f"{row.consumer} of {row.stream}",
        "it has read a stream that cannot be reached (any more)",
        "iotctl topology check",
    )
