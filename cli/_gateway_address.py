"""Finds the gateway: one of the contexts, the one that the environment names, or the local one."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli._contexts import LOCAL, Context, contexts_file, read_contexts
from weir.errors import ConfigError
from weir.setting_files import read_setting_files

#: What `iotctl up` keeps in its folder; read here and not by `weir.embedded`, because an operator's
#: bare install has no `psutil`.
_STATE_FILE = "state.json"
_TOKEN_FILE = Path("secrets") / "gateway-token"


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where a gateway is, and how to come in.

    Attributes:
        token: what it wants to see; empty: nothing is known, or the login of the context is shown.
        context: the context whose login is shown; None: the token was given.
    """

    url: str
    token: str = field(repr=False)
    context: str | None = None

    @property
    def advice(self) -> str:
        """What to do when the gateway refuses the credential."""
        if self.context is None:
            return "the gateway refused the token: set WEIR_GATEWAY_TOKEN, or iotctl login"
        if self.token:
            return f"the gateway refused the token of {self.context}: iotctl login"
        return f"you are not logged in to {self.context}, or your login has ended: iotctl login"


def find_gateway(environ: Mapping[str, str]) -> GatewayAddress:
    """Find the gateway to ask.

    In this order: the context that is named, WEIR_GATEWAY_URL, the current context, the gateway
    of this machine. A token is only sent to the address that it was given for.

    Raises:
        ConfigError: there is none, or its token cannot be read.
        NotFoundError: no context has the name.
    """
    # Not through `Settings`: that would cost every command a quarter of a second.
    environ, problems = read_setting_files(environ, ["WEIR_GATEWAY_TOKEN"])
    if problems:
        raise ConfigError(*problems)
    name, url = environ.get("WEIR_CONTEXT"), environ.get("WEIR_GATEWAY_URL")
    token = environ.get("WEIR_GATEWAY_TOKEN", "")
    if url and not name:
        return GatewayAddress(url, token)
    contexts = read_contexts(contexts_file(environ))
    name = name or contexts.current or LOCAL
    context = contexts.find(name)
    if name != LOCAL:
        return GatewayAddress(context.url, context.token, name)
    return _find_local(environ, context, token)


def find_url(environ: Mapping[str, str]) -> tuple[str, str]:
    """Find the context to log in to: its name, and the address of its gateway.

    Raises:
        ConfigError: there is none; or the environment names a gateway that has no context.
        NotFoundError: no context has the name.
    """
    name = environ.get("WEIR_CONTEXT")
    if environ.get("WEIR_GATEWAY_URL") and not name:
        raise ConfigError(
            "WEIR_GATEWAY_URL is set, and a login belongs to a context: unset it, or name one "
            "with --context"
        )
    contexts = read_contexts(contexts_file(environ))
    name = name or contexts.current or LOCAL
    context = contexts.find(name)
    return name, _local_url(data_folder(environ)) if name == LOCAL else context.url


def _find_local(environ: Mapping[str, str], context: Context, token: str) -> GatewayAddress:
    folder = data_folder(environ)
    url = _local_url(folder)
    if context.login and not token:
        return GatewayAddress(url, "", LOCAL)
    return GatewayAddress(url, token or _local_token(folder))


def data_folder(environ: Mapping[str, str]) -> Path:
    """Tell the folder in which `iotctl up` keeps its state."""
    if environ.get("WEIR_DATA"):
        return Path(environ["WEIR_DATA"])
    if os.geteuid() == 0:
        return Path("/var/lib/weir")
    return Path.home() / ".local" / "share" / "weir"


def _local_url(folder: Path) -> str:
    advice = "iotctl context add NAME URL, or start one here: iotctl up"
    try:
        state = json.loads((folder / _STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no gateway to ask: {advice}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder / _STATE_FILE} cannot be read: {error}") from error
    url = state.get("gateway_url") if isinstance(state, dict) else None
    if not isinstance(url, str):
        raise ConfigError(f"{folder / _STATE_FILE} names no gateway: {advice}")
    return url


def _local_token(folder: Path) -> str:
    try:
        return (folder / _TOKEN_FILE).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"the gateway's token in {folder / _TOKEN_FILE} cannot be read "
            f"({error.strerror}): it is for whoever has started Weir; or set WEIR_GATEWAY_TOKEN"
        ) from error
