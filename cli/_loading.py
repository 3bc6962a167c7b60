"""Finds commands and their help without importing them, and imports them when they are used."""

import ast
import importlib
import inspect
from importlib.util import find_spec
from pathlib import Path

import typer

from weir import registry

#: Not a command: the module that puts the commands together.
_MAIN = "main"


def command_modules() -> dict[str, str]:
    """Map each command's name to its module, in alphabetical order."""
    return {
        name.replace("_", "-"): f"{__package__}.{name}"
        for name in sorted(registry.names(__package__))
        if name != _MAIN
    }


def summary(module_name: str) -> str:
    """Read the first line of a module's docstring out of its source; empty without one."""
    spec = find_spec(module_name)
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return docstring.partition("\n")[0]


def attach(app: typer.Typer, name: str, module_name: str) -> None:
    """Import a command's module and add what it offers to `app`."""
    module = importlib.import_module(module_name)
    help_text = keep_blocks(inspect.getdoc(module) or "")
    if hasattr(module, "app"):
        _keep_blocks_of_group(module.app)
        app.add_typer(module.app, name=name, help=help_text, no_args_is_help=True)
    else:
        app.command(name, help=help_text)(module.command)


def attach_stub(app: typer.Typer, name: str, module_name: str) -> None:
    """Add a command that is only going to be listed, without importing its module."""
    app.command(name, help=summary(module_name))(_unused)


def keep_blocks(text: str) -> str:
    r"""Mark the paragraphs of a help text with indented lines so that they are not wrapped.

    Typer leaves a paragraph alone that starts with a line of one `\b`.
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(map(_keep_block, paragraphs))


def _keep_block(paragraph: str) -> str:
    is_block = "\n " in paragraph and not paragraph.startswith("\b")
    return f"\b\n{paragraph}" if is_block else paragraph


def _keep_blocks_of_group(group: typer.Typer) -> None:
    for command in group.registered_commands:
        command.help = keep_blocks(command.help or inspect.getdoc(command.callback) or "")
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _keep_blocks_of_group(inner.typer_instance)


def _unused() -> None:
    raise AssertionError("a stub is only listed")
