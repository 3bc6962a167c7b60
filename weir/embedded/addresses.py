"""The addresses of a system that `iotctl up` runs, for whoever may read its secrets."""

from collections.abc import Mapping
from pathlib import Path

from weir.embedded.layout import Layout
from weir.embedded.port_plan import read_ports
from weir.embedded.stack import Stack, StackOptions
from weir.embedded.state import read_state


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
