"""The agent's configuration file: read with exact errors, changed without losing its comments."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from producers.agent.configuration import (
    DOCUMENT_KEYS,
    AgentConfiguration,
    Credentials,
)
from weir.errors import ConfigError

#: A thousand devices with everything spelled out are a tenth of it.
FILE_BYTES_MAX = 8 * 1024 * 1024
#: The file as it was before the agent changed it.
PREVIOUS_SUFFIX = ".previous"
_DRAFT_SUFFIX = ".new"
#: What an error may quote of a value.
_QUOTED_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class AgentFile:
    """A configuration file and what it says.

    Attributes:
        raw: as it is written, before defaults.
        text: the file itself.
    """

    path: Path
    text: str
    raw: Mapping[str, Any]
    configuration: AgentConfiguration

    def document_of(self, serial: str) -> dict[str, Any]:
        """Give what the file says about a device and may come from afar; empty: no such device."""
        for device in self.raw.get("devices") or []:
            if device["serial"] == serial:
                return {key: value for key, value in device.items() if key in DOCUMENT_KEYS}
        return {}

    def resolve(self, path: Path) -> Path:
        """Give where a path of the file is: relative ones are from its folder."""
        return self.path.parent / path


def read_file(path: Path) -> AgentFile:
    """Read a YAML or JSON file.

    Raises:
        ConfigError: it cannot be read, or says something wrong: where, and what.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error.reason}") from error
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: over {FILE_BYTES_MAX} bytes")
    return parse_file(path, text)


def parse_file(path: Path, text: str) -> AgentFile:
    """Check the text of a file.

    Raises:
        ConfigError: it says something wrong: where, and what.
    """
    try:
        if path.suffix == ".json":
            raw = json.loads(text)
        else:
            # A megabyte that an agent with a JSON file is spared.
            from producers.agent import yaml_text

            raw = yaml_text.parse(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: it must be a mapping with `broker` and `devices`")
    try:
        configuration = AgentConfiguration.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(*explain(error, str(path))) from error
    serials = [device.serial for device in configuration.devices]
    if configuration.agent is not None:
        serials.append(configuration.agent.serial)
    twice = sorted({serial for serial in serials if serials.count(serial) > 1})
    if twice:
        raise ConfigError(*(f"{path}: {serial!r} is there more than once" for serial in twice))
    return AgentFile(path, text, raw, configuration)


def explain(error: ValidationError, where: str) -> Iterator[str]:
    """Give a sentence for each mistake: file, path in it, what; never a password."""
    for detail in error.errors(include_url=False):
        path = ".".join(str(part) for part in detail["loc"])
        shown = repr(detail["input"])[:_QUOTED_LENGTH_MAX]
        is_plain = isinstance(detail["input"], str | int | float) and "password" not in path
        yield f"{where}: {path}: {detail['msg']}" + (f" (it is {shown})" if is_plain else "")


def read_password(credentials: Credentials, file: AgentFile, environ: Mapping[str, str]) -> str:
    """Give the password of a device; empty: it has none.

    Raises:
        ConfigError: more than one is given, or the file or variable is not there.
    """
    given = [name for name in Credentials.model_fields if getattr(credentials, name) is not None]
    if len(given) > 1:
        raise ConfigError(f"{file.path}: {' and '.join(given)}: one of them is enough")
    if credentials.password is not None:
        return credentials.password.get_secret_value()
    if credentials.password_file is not None:
        path = file.resolve(credentials.password_file)
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{file.path}: password_file {path}: {error.strerror}") from error
    if credentials.password_env is not None:
        if not environ.get(credentials.password_env):
            raise ConfigError(f"{file.path}: variable {credentials.password_env} is not set")
        return environ[credentials.password_env]
    return ""


def with_document(file: AgentFile, serial: str, document: Mapping[str, Any]) -> AgentFile:
    """Give the file with another document of one device; comments elsewhere stay.

    Within the device's own entry comments are lost; so are all where anchors or a layout of its
    own let only the whole file be written anew.

    Raises:
        ConfigError: the file would say something wrong, or has no such device.
    """
    raw = dict(file.raw)
    devices = [dict(device) for device in raw.get("devices") or []]
    index = next((i for i, device in enumerate(devices) if device["serial"] == serial), None)
    if index is None:
        raise ConfigError(f"{file.path}: there is no device {serial!r}")
    kept = {key: value for key, value in devices[index].items() if key not in DOCUMENT_KEYS}
    devices[index] = {**kept, **document}
    raw["devices"] = devices
    if file.path.suffix == ".json":
        return parse_file(file.path, json.dumps(raw, indent=2, ensure_ascii=False) + "\n")
    from producers.agent import yaml_text

    return parse_file(file.path, yaml_text.with_device(file.text, raw, index))


def write_file(file: AgentFile) -> None:
    """Put the file in its place, whole or not at all; the one that was there is kept beside it.

    Raises:
        ConfigError: it cannot be written.
    """
    path = file.path
    draft = path.with_name(path.name + _DRAFT_SUFFIX)
    previous = path.with_name(path.name + PREVIOUS_SUFFIX)
    try:
        mode = path.stat().st_mode & 0o777
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(file.text)
            opened.flush()
            os.fsync(opened.fileno())
        previous.unlink(missing_ok=True)
        os.link(path, previous)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
