"""Whether RabbitMQ answers on its protocols, in a version that Weir knows."""

from collections.abc import Sequence

from weir.config import reveal
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, skipped, warning
from weir.errors import WeirError
from weir.model.names import partition_streams
from weir.rabbitmq.inspection import MEMORY_ALARM_ADVICE, inspect_broker, read_alarms
from weir.rabbitmq.stream_ends import reach_stream

#: Everything that is declared works from here on; both are tested.
VERSION_MIN = (3, 10, 8)
VERSION_NEWEST_TRIED = (4, 3)
_START = "iotctl up    # or start the broker: systemctl start rabbitmq-server"


async def check(installation: Installation) -> Sequence[Finding]:
    """Connect as the services do."""
    settings = installation.settings
    if settings.amqp.url is None:
        return [skipped("AMQP", "WEIR_AMQP_URL is not set")]
    try:
        version = await inspect_broker(reveal(settings.amqp.url, "WEIR_AMQP_URL"))
    except WeirError as error:
        return [failure("AMQP", str(error), _START)]
    return [judge_version(version), *await _stream(installation), *await _alarms(installation)]


def judge_version(version: str) -> Finding:
    """Compare a broker's version with the oldest that works and the newest that was tried."""
    released = version.partition("-")[0].split(".")
    numbers = tuple(int(part) for part in released if part.isdecimal())
    told = f"RabbitMQ {version} answers"
    if numbers < VERSION_MIN:
        oldest = ".".join(map(str, VERSION_MIN))
        return failure("AMQP", f"{told}; Weir needs {oldest}", "upgrade RabbitMQ")
    if numbers[:2] > VERSION_NEWEST_TRIED:
        newest = ".".join(map(str, VERSION_NEWEST_TRIED))
        return warning("AMQP", f"{told}; nothing newer than {newest} was tried", "upgrade Weir")
    return ok("AMQP", told)


async def _stream(installation: Installation) -> list[Finding]:
    url = installation.settings.stream.url
    if url is None:
        return [skipped("streams", "WEIR_STREAM_URL is not set")]
    (stream, *_) = partition_streams(installation.settings.partition.count)
    try:
        await reach_stream(url.get_secret_value(), stream)
    except WeirError as error:
        return [failure("streams", str(error), "rabbitmq-plugins enable rabbitmq_stream")]
    return [ok("streams", "the stream protocol answers")]


async def _alarms(installation: Installation) -> list[Finding]:
    url = installation.settings.management.url
    if url is None:
        return []
    alarms = await read_alarms(url.get_secret_value())
    return [
        failure("alarm", f"RabbitMQ takes no more messages: {alarm}", MEMORY_ALARM_ADVICE)
        for alarm in alarms
    ] or [ok("alarm", "no alarm of memory or disk")]
