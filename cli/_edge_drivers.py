"""List the drivers of an edge agent, and what each measures, takes and does."""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    print_table,
)
from weir import registry
from weir.errors import ConfigError

app = typer.Typer()

_PACKAGE = "producers.drivers"
_ANY = "any"
#: Names of fields that a list shows.
_FEW = 3

_SETTING_COLUMNS = (
    Column("setting", "SETTING"),
    Column("kind", "KIND"),
    Column("default", "DEFAULT"),
    Column("description", "WHAT IT IS"),
)
_FIELD_COLUMNS = (
    Column("field", "FIELD"),
    Column("unit", "UNIT"),
    Column("kind", "KIND"),
    Column("description", "WHAT IT IS"),
)
_COMMAND_COLUMNS = (
    Column("command", "COMMAND"),
    Column("parameters", "PARAMETERS"),
    Column("description", "WHAT IT DOES"),
)


@app.command()
def drivers(
    driver: Annotated[
        str | None, typer.Argument(metavar="[DRIVER]", help="Only this one, with its settings.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """List the drivers that are installed; of one, tell what it takes, measures and does.

    Drivers of other distributions are among them. As JSON, each has a JSON Schema of its settings.

    Examples:
        iotctl edge drivers
        iotctl edge drivers modbus_tcp
        iotctl edge drivers vibration -o json
    """
    from weir.driver import Driver

    if driver is None:
        found = registry.discover(_PACKAGE, Driver)  # type: ignore[type-abstract] # subclasses
        rows = [_summary(each) for _, each in sorted(found.items())]
        columns = [
            Column("driver", "DRIVER"),
            Column("model", "MODEL"),
            Column("fields", "FIELDS", show=_few_names),
            Column("commands", "COMMANDS", show=_names),
            Column("description", "WHAT IT IS"),
        ]
        if output.is_for_programs:
            rows = [_details(each) for _, each in sorted(found.items())]
        print_rows(rows, columns, output)
        return
    details = _details(registry.find(_PACKAGE, driver, Driver))
    if output.is_for_programs:
        print_data(details, output)
        return
    _print_details(details)


def _summary(driver_class: Any) -> dict[str, Any]:
    details = _details(driver_class)
    details["fields"] = [field["field"] for field in details["fields"]]
    details["commands"] = [command["command"] for command in details["commands"]]
    return details


def _details(driver_class: Any) -> dict[str, Any]:
    driver = _as_it_comes(driver_class)
    return {
        "driver": driver_class.name,
        "model": driver_class.model,
        "description": (driver_class.__doc__ or "").partition("\n")[0],
        "fields": [
            {
                "field": field.name,
                "unit": field.unit,
                "kind": field.kind.value,
                "description": field.description,
            }
            for field in (driver.fields if driver else ())
        ],
        "writable": list(driver.writable) if driver else [],
        "commands": [
            {
                "command": command.name,
                "description": command.description,
                "parameters_schema": command.parameters_schema,
            }
            for command in (driver.commands if driver else ())
        ],
        "configuration_schema": driver_class.configuration_class.model_json_schema(),
    }


def _as_it_comes(driver_class: Any) -> Any:
    """Make a driver without settings; None: it needs some, and its fields depend on them."""
    try:
        configuration = driver_class.configuration_class()
        return driver_class(configuration, random.Random(0))  # noqa: S311 - nothing is read
    except (ValidationError, ConfigError):
        return None


def _print_details(details: dict[str, Any]) -> None:
    print_fields({key: details[key] for key in ("driver", "model", "description")})
    typer.echo()
    print_table(_settings(details["configuration_schema"]), _SETTING_COLUMNS)
    typer.echo()
    if details["fields"]:
        print_table(details["fields"], _FIELD_COLUMNS)
    else:
        print_note("its fields depend on its settings: iotctl edge test shows them")
    if details["commands"]:
        typer.echo()
        commands = [
            {**command, "parameters": _names(list(command["parameters_schema"]["properties"]))}
            if "properties" in command["parameters_schema"]
            else command
            for command in details["commands"]
        ]
        print_table(commands, _COMMAND_COLUMNS)


def _settings(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Give a row for each setting of a driver, and for each of the objects in them."""
    parts = [("", schema), *schema.get("$defs", {}).items()]
    rows = []
    for owner, part in parts:
        required = part.get("required", ())
        for name, member in part.get("properties", {}).items():
            default = member.get("default")
            is_plain = isinstance(default, str | int | float) and default != ""
            rows.append(
                {
                    "setting": f"{owner}.{name}" if owner else name,
                    "kind": _kind(member, schema.get("$defs", {})),
                    "default": "required" if name in required else default if is_plain else None,
                    "description": member.get("description", ""),
                }
            )
    return rows


def _kind(member: dict[str, Any], parts: Mapping[str, Any]) -> str:
    if "$ref" in member:
        name = str(member["$ref"]).rpartition("/")[2]
        return _kind(parts[name], parts) if "enum" in parts.get(name, {}) else name
    if "enum" in member or "const" in member:
        return "|".join(map(str, member.get("enum", [member.get("const")])))
    if "anyOf" in member or "oneOf" in member:
        kinds = (_kind(each, parts) for each in member.get("anyOf") or member["oneOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    kind = str(member.get("type", _ANY))
    if kind == "array":
        return f"list of {_kind(member.get('items', {}), parts)}"
    members = [*member.get("patternProperties", {}).values(), member.get("additionalProperties")]
    if kind == "object" and isinstance(members[0], dict):
        return f"{_kind(members[0], parts)} by name"
    return kind


def _few_names(names: list[str]) -> str:
    more = f", {len(names) - _FEW} more" if len(names) > _FEW else ""
    return (_names(names[:_FEW]) if names else "by settings") + more


def _names(names: list[str]) -> str:
    return ", ".join(names) or "-"
