"""Finds the gateway: the one named by the environment, else the one that `iotctl up` runs here."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weir.errors import ConfigError

#: What `iotctl up` keeps in its folder; read here and not by `weir.embedded`, because an operator's
#: bare install has no `psutil`.
_STATE_FILE = "state.json"
_TOKEN_FILE = Path("secrets") / "gateway-token"


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where a gateway is, and the token that it wants to see."""

    url: str
    token: str


def find_gateway(environ: Mapping[str, str]) -> GatewayAddress:
    """Find the gateway to ask.

    The local token is never sent to an address that the environment names.

    Raises:
        ConfigError: there is none, or its token cannot be read.
    """
    # Not through `Settings`: that would cost every command a quarter of a second.
    url, token = environ.get("WEIR_GATEWAY_URL"), environ.get("WEIR_GATEWAY_TOKEN", "")
    if url:
        return GatewayAddress(url, token)
    folder = data_folder(environ)
    return GatewayAddress(_local_url(folder), token or _local_token(folder))


def data_folder(environ: Mapping[str, str]) -> Path:
    """Tell the folder in which `iotctl up` keeps its state."""
    if environ.get("WEIR_DATA"):
        return Path(environ["WEIR_DATA"])
    if os.geteuid() == 0:
        return Path("/var/lib/weir")
    return Path.home() / ".local" / "share" / "weir"


def _local_url(folder: Path) -> str:
    advice = "set WEIR_GATEWAY_URL and WEIR_GATEWAY_TOKEN, or start one here: iotctl up"
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
