"""Show as whom the gateway is asked, and what they may do.

Examples:
    iotctl whoami
    iotctl whoami -o json
"""

import os

from cli._client import open_gateway
from cli._gateway_address import find_gateway
from cli._output import Format, Output, print_fields, print_json


def command(output: Output = Format.TABLE) -> None:
    """Show as whom the gateway is asked, and what they may do."""
    address = find_gateway(os.environ)
    with open_gateway(address) as gateway:
        me = gateway.get("/v1/auth/me")
    shown = {"gateway": address.url, "context": address.context, **me}
    if output is Format.JSON:
        print_json(shown)
        return
    shown["permissions"] = ", ".join(me["permissions"])
    print_fields({name.replace("_", " "): value for name, value in shown.items()})
