"""Whether the certificate of the gateway is good, where it has one."""

from collections.abc import Sequence

from weir.doctor.certificates import look_at_certificate
from weir.doctor.finding import Finding, skipped
from weir.doctor.machine_view import Machine


async def check(machine: Machine) -> Sequence[Finding]:
    """Look at what it shows to this machine."""
    if machine.gateway_url is None:
        return [skipped("gateway", "no gateway was asked")]
    found = await look_at_certificate("gateway", machine.gateway_url, machine.now)
    return [found or skipped("gateway", "its address has no TLS: plain is for one machine only")]
