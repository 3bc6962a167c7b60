"""End the login to the gateway of a context.

Examples:
    iotctl logout
    iotctl --context harbour logout
"""

import os

import typer

from cli._client import open_gateway
from cli._contexts import changing_contexts, contexts_file, read_contexts
from cli._gateway_address import GatewayAddress, find_url
from cli._output import print_note
from weir.errors import UnauthorizedError, WeirError


def command() -> None:
    """End the login to the gateway of a context."""
    name, url = find_url(os.environ)
    path = contexts_file(os.environ)
    if read_contexts(path).find(name).login is None:
        print_note(f"nobody is logged in to {name}")
        raise typer.Exit
    try:
        with open_gateway(GatewayAddress(url, "", name)) as gateway:
            gateway.post("/v1/auth/logout")
    except UnauthorizedError:
        # It had ended by itself.
        pass
    except WeirError as error:
        print_note(f"forgotten here only; the gateway still has it: {error}")
    with changing_contexts(path) as contexts:
        contexts.log_in(name, None)
    print_note(f"logged out of {name}")
