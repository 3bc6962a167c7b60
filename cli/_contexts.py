"""Contexts: the gateways that somebody works with, each by a name, and the logins to them.

Kept in one file that only its owner may read. Whoever changes it holds a lock, so that two commands
at once do not use one refresh token twice, which would end the login.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from weir.errors import ConfigError, NotFoundError

#: The gateway that `iotctl up` runs on this machine; it is always there, and never added.
LOCAL = "local"
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
#: An access token that ends so soon is not worth sending.
_ENDS_SOON = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Login:
    """What a login has given: who came in, and the tokens to show."""

    user: str
    access_token: str = field(repr=False)
    access_ends_at: str
    refresh_token: str = field(repr=False)

    def ends_soon(self, now: datetime) -> bool:
        """Tell whether the access token is over, or all but."""
        return now >= datetime.fromisoformat(self.access_ends_at) - _ENDS_SOON


@dataclass(frozen=True, slots=True)
class Context:
    """One gateway: its address, and how somebody comes in; nothing yet: `iotctl login`."""

    name: str
    url: str = ""
    token: str = field(default="", repr=False)
    login: Login | None = None


@dataclass(slots=True)
class Contexts:
    """All contexts by name, and the one that is used when none is named."""

    current: str | None = None
    by_name: dict[str, Context] = field(default_factory=dict)

    def find(self, name: str) -> Context:
        """Give a context; the local one is there without having been added.

        Raises:
            NotFoundError: nothing is called so.
        """
        if name in self.by_name:
            return self.by_name[name]
        if name == LOCAL:
            return Context(LOCAL)
        known = ", ".join(sorted({*self.by_name, LOCAL}))
        raise NotFoundError(f"there is no context {name}: there are {known}; iotctl context add")

    def put(self, context: Context) -> None:
        """Add a context, or replace the one of its name."""
        self.by_name[context.name] = context

    def log_in(self, name: str, login: Login | None) -> None:
        """Keep a login, or forget it.

        Raises:
            NotFoundError: nothing is called so.
        """
        self.put(replace(self.find(name), login=login))


def contexts_file(environ: Mapping[str, str]) -> Path:
    """Tell where the contexts are kept. Source: XDG Base Directory Specification, version 0.8."""
    folder = environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "weir" / "contexts.yaml"


def read_contexts(path: Path) -> Contexts:
    """Read the contexts; none when there is no file.

    Raises:
        ConfigError: the file cannot be read, or is not ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    # Here, because it takes its time, and machines without contexts never need it.
    import yaml

    try:
        content = yaml.safe_load(text)
        return Contexts() if content is None else _parse(content)
    except (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


@contextmanager
def changing_contexts(path: Path) -> Iterator[Contexts]:
    """Give the contexts to be changed; they are written when the block ends without an error.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, _FILE_MODE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        contexts = read_contexts(path)
        yield contexts
        _write(path, contexts)
    finally:
        os.close(lock)


def _parse(content: Mapping[str, Any]) -> Contexts:
    contexts = Contexts(content.get("current"))
    for name, members in content.get("contexts", {}).items():
        login = members.pop("login", None)
        contexts.put(Context(name, **members, login=Login(**login) if login else None))
    return contexts


def _write(path: Path, contexts: Contexts) -> None:
    import yaml

    members = {}
    for name, context in contexts.by_name.items():
        kept = {key: value for key, value in asdict(context).items() if value}
        del kept["name"]
        members[name] = kept
    text = yaml.safe_dump(
        {"current": contexts.current, "contexts": members}, sort_keys=False, allow_unicode=True
    )
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
