"""Whether every queue has somebody who reads it, and none is filling up."""

from collections.abc import Sequence

from weir.config import reveal
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, skipped, warning
from weir.rabbitmq.inspection import QueueFacts, inspect_queues
from weir.rabbitmq.topology import topology

#: More than a consumer has in hand, and than waits for the time of a restart.
WAITING_MAX = 5_000
_START = "iotctl status, then start its consumer: iotctl run NAME"


async def check(installation: Installation) -> Sequence[Finding]:
    """Count readers and messages of each work queue."""
    settings = installation.settings
    if settings.amqp.url is None:
        return [skipped("queues", "WEIR_AMQP_URL is not set")]
    wanted = topology(settings.partition.count)
    names = [queue.name for queue in wanted.queues if queue.type == "quorum"]
    present = await inspect_queues(reveal(settings.amqp.url, "WEIR_AMQP_URL"), names)
    judged = (judge(name, facts) for name, facts in present.items() if facts is not None)
    problems = [finding for finding in judged if finding is not None]
    return problems or [ok("queues", "each has a reader that keeps up")]


def judge(name: str, facts: QueueFacts) -> Finding | None:
    """Tell what is wrong with a queue; None: nothing."""
    waiting = f"{facts.message_count} messages wait"
    if facts.consumer_count == 0 and facts.message_count:
        return failure(name, f"nobody reads it, and {waiting}", _START)
    if facts.consumer_count == 0:
        return warning(name, "nobody reads it", _START)
    if facts.message_count > WAITING_MAX:
        return warning(name, f"{waiting}: its consumer does not keep up", "iotctl status")
    return None
