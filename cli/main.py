"""Puts the commands together and runs the one that was asked for."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli import _loading
from cli._errors import EXIT_CODES_HELP, reported
from weir import __version__

PROGRAM = "iotctl"
#: Names a context, as `--context` does.
CONTEXT_VARIABLE = "WEIR_CONTEXT"
#: In which shells pass the command line that they complete: bash, and the others.
_TYPED_VARIABLES = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `iotctl` with the process's arguments, or with `arguments`, and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with reported():
        build(arguments)(args=arguments, prog_name=PROGRAM)


def build(arguments: Sequence[str]) -> typer.Typer:
    """Make the application; only commands that `arguments` mention are imported.

    The others are listed from the first line of their source.
    """
    app = typer.Typer(
        # Plain help needs no rich, which alone would double the start-up time.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        epilog=_loading.keep_blocks(EXIT_CODES_HELP),
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    typed = {*arguments, *(word for name in _TYPED_VARIABLES for word in _words(name))}
    for name, module_name in _loading.command_modules().items():
        if name in typed:
            _loading.attach(app, name, module_name)
        else:
            _loading.attach_stub(app, name, module_name)
    return app


def _words(variable: str) -> list[str]:
    return os.environ.get(variable, "").split()


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[  # noqa: ARG001 - its callback has read it
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    context: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Ask the gateway of this context: see iotctl context."),
    ] = None,
) -> None:
    """Run and operate Weir: devices, readings, commands, and the services behind them."""
    if context:
        # As if the environment had named it: whoever asks a gateway looks there.
        os.environ[CONTEXT_VARIABLE] = context
