"""Whether the clocks of broker and database agree with that of the gateway."""

from collections.abc import Sequence
from datetime import timedelta

from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, skipped
from weir.doctor.skew import judge_skew
from weir.postgres.queries.doctor import read_database_time
from weir.rabbitmq.inspection import read_broker_time

#: An HTTP date has whole seconds.
_SECOND = timedelta(seconds=1)


async def check(installation: Installation) -> Sequence[Finding]:
    """Compare each with the middle of the time that asking has taken."""
    # The first one may have to connect, which takes its time.
    await read_database_time(installation.pool)
    asked_at = installation.clock.now()
    told = await read_database_time(installation.pool)
    middle = asked_at + (installation.clock.now() - asked_at) / 2
    database = judge_skew("PostgreSQL clock", told - middle)
    url = installation.settings.management.url
    if url is None:
        unseen = "RabbitMQ tells the time only where WEIR_MANAGEMENT_URL is set"
        return [database, skipped("RabbitMQ clock", unseen)]
    asked_at = installation.clock.now()
    told = await read_broker_time(url.get_secret_value())
    middle = asked_at + (installation.clock.now() - asked_at) / 2
    return [database, judge_skew("RabbitMQ clock", told - middle, _SECOND)]
