"""Whether the certificates of broker and database are good, where TLS is used."""

from collections.abc import Sequence

from weir.doctor.certificates import look_at_certificate
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, skipped
from weir.hosts import each_host


async def check(installation: Installation) -> Sequence[Finding]:
    """Look at each address that has TLS."""
    settings = installation.settings
    urls = {
        "AMQP": settings.amqp.url,
        "MQTT": settings.mqtt.url,
        "management": settings.management.url,
    }
    now = installation.clock.now()
    looked = [
        await look_at_certificate(subject, each, now)
        for subject, url in urls.items()
        if url is not None
        for each in each_host(url.get_secret_value())
    ]
    unused = skipped("certificates", "no address here uses TLS: plain is for one machine only")
    return [finding for finding in looked if finding is not None] or [unused]
