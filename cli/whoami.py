"""Show as whom the gateway is asked, and what they may do.

Examples:
    iotctl whoami
    iotctl whoami -o json
"""

import os

from cli._client import open_gateway
from cli._gateway_address import find_gateway
from cli._output import Format, Output, print_data, print_fields


def command(output: Output = Format.TABLE) -> None:
    """Show as whom the gateway is asked, and what they may do."""
    address = find_gateway(os.environ)
    with open_gateway(address) as gateway:
        me = gateway.get("/v1/auth/me")
    shown = {"gateway": address.url, "context": address.context, **me}
    if output.is_for_programs:
        print_data(shown, output)
        return
    shown["permissions"] = ", ".join(me["permissions"])
    print_fields({name.replace("_", " "): value for name, value in shown.items()})
