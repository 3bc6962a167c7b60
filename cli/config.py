"""See and change how devices are to be set, and whether they run that.

Examples:
    iotctl config show crane-7
    iotctl config edit crane-7
    iotctl config set crane-7 sample_rate_hz=50 limits.high=8
    iotctl config diff crane-7
    iotctl config rollback crane-7 --to 2
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli._client import Answer, Gateway, open_gateway
from cli._completion import complete_serial
from cli._documents import Language, parse_assignments, read_document, write_document
from cli._editing import edit as edit_document
from cli._listing import Listing
from cli._output import (
    BLANK,
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    printable,
)
from weir.errors import ConfigError

app = typer.Typer()

_LISTED_MAX = 1_000
_VALUE_LENGTH_MAX = 60
_STDIN = Path("-")

Serial = Annotated[
    str,
    typer.Argument(metavar="SERIAL", autocompletion=complete_serial, help="Serial of the device."),
]


@app.command()
def show(
    serial: Serial,
    *,
    version: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="What that version wanted.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what is wanted of a device, what it runs, and whether that is the same.

    The state is in_sync, pending (it does not run it yet), rejected (it has refused it) or unknown.

    Examples:
        iotctl config show crane-7
        iotctl config show crane-7 --version 2 -o json
    """
    with open_gateway() as gateway:
        found = gateway.get(_path(serial) if version is None else _path(serial, "history", version))
    _print(found, output)


@app.command()
def edit(
    serial: Serial,
    *,
    language: Annotated[Language, typer.Option(help="How it is written.")] = Language.YAML,
    output: Output = Format.TABLE,
) -> None:
    """Change what is wanted of a device in an editor: $VISUAL, $EDITOR or vi.

    What does not fit the schema that the device declares is opened again, with the reason. Nothing
    is changed until all of it is taken.

    Example:
        EDITOR=nano iotctl config edit crane-7
    """
    with open_gateway() as gateway:
        before = gateway.get(_path(serial))
        title = f"What is wanted of {serial}: version {before['version']}"
        if before["schema"] is None:
            title += "\nThe device declares no schema: whatever you write is taken."

        def submit(document: dict[str, Any]) -> None:
            changed.append(gateway.put(_path(serial), document, version=before["version"]))

        changed: list[Answer] = []
        if not edit_document(_base(before), title, language, submit):
            print_note("nothing was changed")
            return
    _print_changed(changed[-1], before["version"], output)


@app.command("set")
def set_(
    serial: Serial,
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What is to be so.")
    ] = None,
    *,
    unset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What is to go; may be repeated.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="All of it, YAML or JSON; - for standard input."),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Change members of what is wanted of a device, or all of it.

    A value is JSON, and where it is not, a text. Dots lead into objects; a dot in a name has a
    backslash before it. Refused when somebody else changes it at the same moment.

    Examples:
        iotctl config set crane-7 sample_rate_hz=50 limits.high=8 note="north side"
        iotctl config set crane-7 --unset limits.low
        iotctl config set crane-7 --file crane.yaml
    """
    patch = parse_assignments(assignments or [], unset or [])
    if bool(patch) == (file is not None):
        raise typer.BadParameter("say what: NAME=VALUE, --unset NAME, or all of it with --file")
    with open_gateway() as gateway:
        version = gateway.get(_path(serial))["version"]
        if file is None:
            changed = gateway.patch(_path(serial), patch, version=version)
        else:
            changed = gateway.put(_path(serial), _read(file), version=version)
    _print_changed(changed, version, output)


@app.command()
def diff(
    serial: Serial,
    *,
    since: Annotated[
        str, typer.Option("--from", metavar="VERSION", help="A version, desired or reported.")
    ] = "reported",
    until: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="A version, desired or reported.")
    ] = "desired",
    output: Output = Format.TABLE,
) -> None:
    """Tell what differs; without options, what the device does not run as it is wanted.

    Examples:
        iotctl config diff crane-7
        iotctl config diff crane-7 --from 2 --to desired
    """
    with open_gateway() as gateway:
        found = gateway.get(_path(serial, "diff"), {"from": since, "to": until})["differences"]
    print_rows(found, _DIFF_COLUMNS, output)
    if not found:
        print_note("they are the same")


@app.command()
def history(
    serial: Serial,
    *,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most N versions.")
    ] = _LISTED_MAX,
    output: Output = Format.TABLE,
) -> None:
    """List what was wanted of a device, newest first, and by whom.

    Example:
        iotctl config history crane-7
    """
    listing = Listing(_path(serial, "history"), "versions", "versions", "newest")
    listing.show({}, _HISTORY_COLUMNS, limit, output)


@app.command()
def rollback(
    serial: Serial,
    *,
    to: Annotated[int, typer.Option(metavar="VERSION", min=1, help="The version to take again.")],
    output: Output = Format.TABLE,
) -> None:
    """Want again what an older version wanted; it becomes a new version.

    Example:
        iotctl config rollback crane-7 --to 2
    """
    with open_gateway() as gateway:
        _post(gateway, serial, "rollback", output, {"version": to})


@app.command()
def adopt(serial: Serial, output: Output = Format.TABLE) -> None:
    """Want what somebody has put into the device itself.

    Example:
        iotctl config adopt crane-7
    """
    with open_gateway() as gateway:
        _post(gateway, serial, "adopt", output)


@app.command()
def overwrite(serial: Serial, output: Output = Format.TABLE) -> None:
    """Send what is wanted over what somebody has put into the device itself.

    Example:
        iotctl config overwrite crane-7
    """
    with open_gateway() as gateway:
        _post(gateway, serial, "overwrite", output)


def _post(
    gateway: Gateway,
    serial: str,
    verb: str,
    output: Format,
    body: Mapping[str, Any] | None = None,
) -> None:
    version = gateway.get(_path(serial))["version"]
    _print_changed(gateway.post(_path(serial, verb), body=body), version, output)


def _path(serial: str, *more: object) -> str:
    return "/".join(["/v1/devices", quote(serial, safe=""), "config", *map(str, more)])


def _read(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == _STDIN else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    try:
        return read_document(text, Language.JSON if file.suffix == ".json" else Language.YAML)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _base(shown: Answer) -> dict[str, Any]:
    """Give what an edit starts from: what is wanted, else what the device says that it runs."""
    reported = shown["reported"] or {}
    base: dict[str, Any] = shown["document"] or reported.get("document") or {}
    return base


def _print_changed(changed: Answer, version_before: int, output: Format) -> None:
    _print(changed, output)
    if changed["version"] == version_before:
        print_note("nothing was changed: that is wanted already")
    elif changed["schema"] is None:
        print_note("not checked: the device declares no schema of its configuration")


def _print(found: Answer, output: Format) -> None:
    if output.is_for_programs:
        print_data(found, output)
        return
    found = dict(found)
    document, reported = found.pop("document"), found.pop("reported", None)
    found.pop("schema", None)
    fields = {name.replace("_", " "): value for name, value in found.items()}
    if reported is not None:
        fields |= {
            "reported version": reported["version"],
            "rejected version": reported["rejected_version"] or None,
            "error": reported["error"],
        }
    print_fields(fields)
    if document is not None:
        typer.echo()
        typer.echo(_shown(document), nl=False)
    if found.get("is_edited_at_device"):
        print_note(
            "somebody has edited the device itself: `iotctl config diff` shows it; adopt or "
            "overwrite it"
        )


def _shown(document: object) -> str:
    """Write a document so that nothing in it can steer a terminal; YAML escapes what could."""
    return "".join(
        char if char == "\n" or char.isprintable() else printable(char)
        for char in write_document(document, Language.YAML)
    )


def _value(value: object) -> str:
    if value is None:
        return BLANK
    text = json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _VALUE_LENGTH_MAX else f"{text[:_VALUE_LENGTH_MAX]}…")


_DIFF_COLUMNS = (
    Column("path", "NAME"),
    Column("kind", "CHANGE"),
    Column("before", "FROM", show=_value),
    Column("after", "TO", show=_value),
)
_HISTORY_COLUMNS = (
    Column("version", "VERSION", align="right"),
    Column("set_at", "SET AT"),
    Column("set_by", "SET BY"),
    Column("how", "HOW"),
    Column("of_version", "OF VERSION", align="right"),
)
