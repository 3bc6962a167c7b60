"""The addresses and passwords of a system of `iotctl up`, for whoever may read its folder."""

from pathlib import Path

from weir.embedded.layout import Layout
from weir.embedded.port_plan import read_ports
from weir.embedded.stack import Stack, StackOptions
from weir.errors import ConfigError


def administration(folder: Path) -> dict[str, str]:
    """Give the settings of who may do everything, as environment variables.

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
