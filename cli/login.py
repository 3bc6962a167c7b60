"""Log in to the gateway of a context, with a user's name and password.

The login is kept and goes on by itself; it ends with iotctl logout, after a week in which it was
not used, or after a month. Where nobody can type, use an API token: iotctl tokens create.

Examples:
    iotctl login --user anna
    iotctl --context harbour login --user anna
    pass show weir | iotctl login --user anna --password-stdin
"""

import os
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli._client import is_loopback, open_gateway
from cli._contexts import LOCAL, Login, changing_contexts, contexts_file
from cli._gateway_address import GatewayAddress, find_url
from cli._login_auth import refreshed
from cli._output import print_note


def command(
    *,
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="NAME", help="Who logs in.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
) -> None:
    """Log in to the gateway of a context."""
    name, url = find_url(os.environ)
    _warn_if_readable(url)
    user = user or typer.prompt("User", err=True)
    password = _read_password(from_stdin=password_stdin)
    with open_gateway(GatewayAddress(url, "")) as gateway:
        answer = gateway.post("/v1/auth/login", body={"name": user, "password": password})
    with changing_contexts(contexts_file(os.environ)) as contexts:
        contexts.log_in(name, refreshed(Login(user, "", "", ""), answer))
    where = "" if name == LOCAL else f" to {name}"
    print_note(f"logged in{where} as {user}")


def _warn_if_readable(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        print_note(f"warning: {url} is not encrypted: others on the way can read the password")


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("Password", hide_input=True, err=True)
    return password
