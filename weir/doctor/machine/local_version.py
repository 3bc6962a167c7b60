"""Whether this `iotctl` is of the gateway's version."""

from collections.abc import Sequence

from weir import __version__
from weir.doctor.finding import Finding, ok, skipped, warning
from weir.doctor.machine_view import Machine


async def check(machine: Machine) -> Sequence[Finding]:
    """Compare the two."""
    theirs = machine.gateway_version
    if theirs is None:
        return [skipped("iotctl", f"{__version__}; no gateway has told its own")]
    if theirs == __version__:
        return [ok("iotctl", f"{__version__}, as the gateway")]
    told = f"this is {__version__}, the gateway is {theirs}"
    return [warning("iotctl", told, f"pip install 'weir=={theirs}'")]
