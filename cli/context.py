"""Choose between gateways: each is a context, with an address and a login of its own.

Commands ask the context that is named by --context or WEIR_CONTEXT, else the gateway in
WEIR_GATEWAY_URL, else the current context, else the gateway that iotctl up runs here, which is the
context `local`. Contexts and logins are kept in ~/.config/weir/contexts.yaml, for you alone;
what is secret of a context that was added with --keyring, in the key ring of the system, if there
is one.

Examples:
    iotctl context add harbour https://weir.harbour.example
    iotctl context add harbour https://weir.harbour.example --keyring
    iotctl context use harbour
    iotctl --context local devices list
"""

import os
from typing import Annotated

import typer

from cli._contexts import LOCAL, Context, Contexts, changing_contexts, contexts_file, read_contexts
from cli._output import Column, Format, Output, print_note, print_rows
from weir.errors import ConfigError

app = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the context.")]

_COLUMNS = (
    Column("name", "NAME"),
    Column("current", "CURRENT", show=lambda is_current: "*" if is_current else ""),
    Column("url", "URL"),
    Column("user", "USER"),
)


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the gateway.")],
    *,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="WEIR_GATEWAY_TOKEN",
            show_envvar=False,
            help="API token to show; without one: iotctl login.",
        ),
    ] = None,
    keyring: Annotated[
        bool,
        typer.Option("--keyring", help="Keep its token or login in the key ring of the system."),
    ] = False,
) -> None:
    """Add a gateway, or change the address of one; the first one becomes the current context.

    A token is better given by the variable WEIR_GATEWAY_TOKEN: others can see command lines.

    Example:
        iotctl context add harbour https://weir.harbour.example
    """
    if name == LOCAL:
        raise ConfigError(f"{LOCAL} is the gateway that iotctl up runs here: choose another name")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url} is no address of a gateway: http://... or https://...")
    with changing_contexts(contexts_file(os.environ)) as contexts:
        contexts.put(Context(name, url.rstrip("/"), token or "", uses_keyring=keyring))
        contexts.current = contexts.current or name
    print_note(f"added; log in with: iotctl --context {name} login")


@app.command()
def use(name: Name) -> None:
    """Make a context the current one.

    Examples:
        iotctl context use harbour
        iotctl context use local    # what iotctl up runs here
    """
    with changing_contexts(contexts_file(os.environ)) as contexts:
        contexts.current = contexts.find(name).name


@app.command("list")
def list_(output: Output = Format.TABLE) -> None:
    """List the contexts, without what is secret.

    Example:
        iotctl context list
    """
    contexts = read_contexts(contexts_file(os.environ))
    print_rows(_rows(contexts), _COLUMNS, output)


@app.command()
def remove(name: Name) -> None:
    """Forget a context and its login; nothing happens to the gateway.

    Example:
        iotctl context remove harbour
    """
    with changing_contexts(contexts_file(os.environ)) as contexts:
        contexts.remove(name)
        if contexts.current == name:
            contexts.current = None


def _rows(contexts: Contexts) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "current": name == (contexts.current or LOCAL),
            "url": context.url or "(iotctl up on this machine)",
            "user": context.login.user if context.login else None,
        }
        for name in sorted({*contexts.by_name, LOCAL})
        for context in (contexts.by_name.get(name, Context(LOCAL)),)
    ]
