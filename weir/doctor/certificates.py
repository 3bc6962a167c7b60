"""Looks at the certificate that a server shows, as a client does that wants it to be good."""

import asyncio
import ssl
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from weir.doctor.finding import Finding, failure, ok, warning

#: Renewals that are automatic come a month before the end.
WARNED_DAYS = 21
CONNECT_TIMEOUT_S = 5.0
#: By scheme of the address: TLS from the first byte on, and the usual port.
TLS_PORTS = {"amqps": 5671, "mqtts": 8883, "https": 443, "rabbitmq-stream+tls": 5551}
_RENEW = "renew it where it was issued, and restart or reload the server that shows it"


async def look_at_certificate(subject: str, url: str, now: datetime) -> Finding | None:
    """Connect and judge the certificate; None where the address has no TLS."""
    parts = urlsplit(url)
    if parts.scheme not in TLS_PORTS:
        return None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            end = await _end_of(parts)
    except ssl.SSLCertVerificationError as error:
        return failure(subject, f"its certificate is refused: {error.verify_message}", _RENEW)
    except (TimeoutError, OSError) as error:
        reason = str(error) or "no answer in time"
        return failure(subject, f"no TLS connection to {parts.hostname}: {reason}", "iotctl status")
    days = (end - now).days
    told = f"its certificate is good until {end:%Y-%m-%d}, for {days} days"
    return warning(subject, told, _RENEW) if days < WARNED_DAYS else ok(subject, told)


async def _end_of(parts: SplitResult) -> datetime:
    context = ssl.create_default_context()
    port = parts.port or TLS_PORTS[parts.scheme]
    _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        certificate = writer.get_extra_info("ssl_object").getpeercert()
    finally:
        writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
