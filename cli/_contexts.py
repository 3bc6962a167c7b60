"""Contexts: the gateways that somebody works with, each by a name, and the logins to them.

Kept in one file that only its owner may read. Whoever changes it holds a lock, so that two commands
at once do not use one refresh token twice, which would end the login.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli._keyring import KeyringUnusableError, keep, recall
from cli._output import print_note
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
    """One gateway: its address, and how somebody comes in; nothing yet: `iotctl login`.

    `uses_keyring`: its secrets are kept in the key ring of the system, where there is one.
    """

    name: str
    url: str = ""
    token: str = field(default="", repr=False)
    login: Login | None = None
    uses_keyring: bool = False

    @property
    def secrets(self) -> dict[str, str]:
        """What nobody else may see of it; empty where there is nothing."""
        login = self.login
        found = {"token": self.token}
        if login:
            found |= {"access_token": login.access_token, "refresh_token": login.refresh_token}
        return {name: value for name, value in found.items() if value}

    def with_secrets(self, secrets: Mapping[str, str]) -> "Context":
        """Give the context with these secrets, in place of what it has."""
        login = self.login and replace(
            self.login,
            access_token=secrets.get("access_token", ""),
            refresh_token=secrets.get("refresh_token", ""),
        )
        return replace(self, token=secrets.get("token", ""), login=login)


@dataclass(slots=True)
class Contexts:
    """All contexts by name, and the one that is used when none is named."""

    current: str | None = None
    by_name: dict[str, Context] = field(default_factory=dict)
    #: Those whose secrets are in the key ring as they are here.
    in_keyring: set[str] = field(default_factory=set, compare=False)

    def find(self, name: str) -> Context:
        """Give a context; the local one is there without having been added.

        Raises:
            NotFoundError: nothing is called so.
        """
        if name in self.by_name:
            return self._unlocked(self.by_name[name])
        if name == LOCAL:
            return Context(LOCAL)
        known = ", ".join(sorted({*self.by_name, LOCAL}))
        raise NotFoundError(f"there is no context {name}: there are {known}; iotctl context add")

    def put(self, context: Context) -> None:
        """Add a context, or replace the one of its name."""
        self.by_name[context.name] = context
        self.in_keyring.discard(context.name)

    def remove(self, name: str) -> None:
        """Forget a context, and what the key ring has of it.

        Raises:
            NotFoundError: nothing is called so.
        """
        if self.find(name).uses_keyring:
            with suppress(KeyringUnusableError):
                keep(name, {})
        self.by_name.pop(name, None)

    def _unlocked(self, context: Context) -> Context:
        if not context.uses_keyring or context.secrets:
            return context
        try:
            context = context.with_secrets(recall(context.name))
        except KeyringUnusableError as error:
            print_note(f"the key ring has the login of {context.name}, and cannot be used: {error}")
            return replace(context, login=None)
        self.by_name[context.name] = context
        self.in_keyring.add(context.name)
        return context

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
        if login:
            login = Login(**{"access_token": "", "refresh_token": "", **login})
        contexts.put(Context(name, **members, login=login or None))
    return contexts


def _is_in_keyring(path: Path, contexts: Contexts, context: Context) -> bool:
    """Put secrets that are new into the key ring, if the context uses it; say when that fails."""
    if not context.uses_keyring or context.name in contexts.in_keyring:
        return context.uses_keyring
    if not context.secrets and context.login is not None:
        # It was not asked for: what the key ring has is what there is.
        return True
    try:
        keep(context.name, context.secrets)
    except KeyringUnusableError as error:
        if context.secrets:
            print_note(
                f"the key ring of the system cannot be used: {error}; the login of {context.name} "
                f"is kept in {path}, for you alone"
            )
        return False
    return True


def _write(path: Path, contexts: Contexts) -> None:
    import yaml

    members: dict[str, dict[str, Any]] = {}
    for name, context in contexts.by_name.items():
        told = context.with_secrets({}) if _is_in_keyring(path, contexts, context) else context
        kept = {key: value for key, value in asdict(told).items() if value}
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
