"""Whether exchanges, queues, streams and bindings are what this version declares."""

from collections.abc import Sequence

from weir.config import reveal
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, skipped
from weir.rabbitmq.drift import Finding as Drift
from weir.rabbitmq.drift import Kind, check_topology
from weir.rabbitmq.inspection import inspect_queues
from weir.rabbitmq.topology import topology

_APPLY = "iotctl topology apply"
_REMEDIES = {
    Kind.MISSING: _APPLY,
    Kind.UNBOUND: _APPLY,
    Kind.DIFFERENT: "empty and delete it, then: iotctl topology apply",
    Kind.UNEXPECTED: "remove the binding in the management UI, or set WEIR_PARTITION_COUNT",
}


async def check(installation: Installation) -> Sequence[Finding]:
    """Compare all of it where the management API is known, else the names of the queues."""
    settings = installation.settings
    if settings.management.url is not None:
        url = settings.management.url.get_secret_value()
        found = await check_topology(url, settings.partition.count)
        return [_drifted(each) for each in found if each.is_problem] or [
            ok("topology", "everything is there as this version declares it")
        ]
    if settings.amqp.url is None:
        return [skipped("topology", "neither WEIR_MANAGEMENT_URL nor WEIR_AMQP_URL is set")]
    wanted = topology(settings.partition.count)
    names = [queue.name for queue in wanted.queues]
    present = await inspect_queues(reveal(settings.amqp.url, "WEIR_AMQP_URL"), names)
    missing = [
        failure(queue.name, f"there is no such {queue.kind}", _APPLY)
        for queue in wanted.queues
        if present[queue.name] is None
    ]
    unseen = skipped("bindings", "they are compared only where WEIR_MANAGEMENT_URL is set")
    return [*missing, unseen] if missing else [ok("queues", "all of them are there"), unseen]


def _drifted(drift: Drift) -> Finding:
    return failure(drift.name, f"{drift.kind}: {drift.detail}", _REMEDIES[drift.kind])
