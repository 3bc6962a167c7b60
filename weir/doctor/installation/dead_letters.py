"""Whether messages were rejected that nobody has looked at yet."""

from collections.abc import Sequence
from datetime import timedelta

from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, warning
from weir.errors import HELD_BACK_REASONS, NotApprovedError
from weir.postgres.queries.doctor import DeadLetterSum, sum_dead_letters

#: Rejected within the last hour: more is no single bad message.
RECENT = timedelta(hours=1)
RECENT_COUNT_MAX = 100


async def check(installation: Installation) -> Sequence[Finding]:
    """Count what is kept, by consumer and reason."""
    since = installation.clock.now() - RECENT
    sums = await sum_dead_letters(installation.pool, since)
    return [judge(each) for each in sums] or [ok("dead letters", "there are none")]


def judge(each: DeadLetterSum) -> Finding:
    """Tell how bad it is that messages were rejected."""
    told = f"{each.count} kept as {each.reason}, {each.recent_count} of them in the last hour"
    if each.reason == NotApprovedError.reason:
        return warning(each.consumer, told, "iotctl devices list --state pending, then approve")
    show = f"iotctl dead list --consumer {each.consumer} --reason {each.reason}"
    if each.recent_count > RECENT_COUNT_MAX and each.reason not in HELD_BACK_REASONS:
        return failure(each.consumer, told, show)
    return warning(each.consumer, told, show)
