"""The addresses of a system of `iotctl up`, for whoever may read its secrets."""

from collections.abc import Mapping
from pathlib import Path

from weir.embedded.layout import Layout
from weir.embedded.port_plan import read_ports
from weir.embedded.stack import Stack, StackOptions
from weir.embedded.state import read_state
from weir.errors import ConfigError


def running_addresses(folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Give the variables that its services have, with the management API; empty: nothing runs.

    Raises:
        ConfigError: what is in the folder cannot be read.
    """
    state = read_state(folder)
    if state is None or not state.is_running:
        return {}
    layout = Layout(folder)
    stack = Stack(StackOptions(folder, (), environ), layout, read_ports(layout.ports))
    return stack.addresses()


def administration(folder: Path) -> dict[str, str]:
    """Give the variables of who may do everything, whether it runs or not.

    Raises:
        ConfigError: `iotctl up` has never run on the folder.
    """
    layout = Layout(folder)
    ports = read_ports(layout.ports)
    if not ports:
        raise ConfigError(
            f"{folder} is no folder of iotctl up: name one with --data, or set WEIR_POSTGRES_URL "
            "and the other addresses"
        )
    return Stack(StackOptions(folder, (), {}), layout, ports).administration()
