"""Which port each part listens on: asked for, used before, the usual one, or a free one."""

import json
from collections.abc import Mapping
from pathlib import Path

import psutil

from weir.embedded.ports import free_ports, is_taken
from weir.embedded.private_files import write_private
from weir.errors import ConfigError

#: The ports that people know, each taken when it is free at the first start.
USUAL_PORTS = {
    "amqp": 5672,
    "mqtt": 1883,
    "stream": 5552,
    "management": 15672,
    "prometheus": 15692,
    "distribution": 25672,
    "epmd": 4369,
    "postgres": 5432,
    "gateway": 8080,
}
#: The port on which a service serves its metrics; any number does.
METRICS_PREFIX = "metrics."
#: Asks for a free port, whatever it is.
ANY_PORT = 0
PORT_MAX = 65_535


def plan_ports(
    services: tuple[str, ...], asked: Mapping[str, int], remembered: Mapping[str, int]
) -> dict[str, int]:
    """Choose a port for every part, before anything starts.

    A second start uses the ports of the first one: devices and bookmarks have them.

    `asked`: by name, a number or `ANY_PORT`. `remembered`: what an earlier start has chosen.

    Raises:
        ConfigError: an unknown name, one number for two parts, or a port that was asked for or
            used before is taken; every problem has a sentence.
    """
    names = (*USUAL_PORTS, *(METRICS_PREFIX + service for service in services))
    problems = [
        f"there is no port called {name!r}; there are {', '.join(USUAL_PORTS)}"
        for name in asked
        if name not in names
    ]
    problems += [
        f"port {port} ({name}): it must be 0 (any) to {PORT_MAX}"
        for name, port in asked.items()
        if not ANY_PORT <= port <= PORT_MAX
    ]
    if problems:
        raise ConfigError(*problems)
    ports = _fixed_ports(names, asked, remembered)
    missing = [name for name in names if name not in ports]
    ports.update(zip(missing, _free_beside(ports, len(missing)), strict=True))
    return {name: ports[name] for name in names}


def read_ports(path: Path) -> dict[str, int]:
    """Read what an earlier start has chosen; empty at the first one."""
    try:
        ports = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {str(name): int(port) for name, port in ports.items()}


def write_ports(path: Path, ports: Mapping[str, int]) -> None:
    """Keep the chosen ports for the next start."""
    write_private(path, json.dumps(ports, indent=1))


def _fixed_ports(
    names: tuple[str, ...], asked: Mapping[str, int], remembered: Mapping[str, int]
) -> dict[str, int]:
    ports: dict[str, int] = {}
    problems = []
    for name in names:
        wish = asked.get(name)
        if wish == ANY_PORT:
            continue
        port = wish or remembered.get(name) or USUAL_PORTS.get(name)
        if port is None:
            continue
        if port in ports.values():
            problems += [f"port {port} is asked for twice, for {name} too"] if wish else []
        elif not is_taken(port):
            ports[name] = port
        elif wish or (name in remembered and name in USUAL_PORTS):
            problems.append(_explain(name, port, was_asked=bool(wish)))
    if problems:
        raise ConfigError(*problems)
    return ports


def _free_beside(ports: Mapping[str, int], count: int) -> list[int]:
    """Find free ports, none of which is promised already to a part that has not started."""
    promised = set(ports.values())
    return [port for port in free_ports(count + len(promised)) if port not in promised][:count]


def _explain(name: str, port: int, *, was_asked: bool) -> str:
    history = "" if was_asked else ", used by this installation before,"
    return (
        f"port {port} ({name}){history} is taken by {_owner_of(port)}: "
        f"end that, or choose another with --port {name}=NUMBER"
    )


def _owner_of(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        is_listening = connection.status == psutil.CONN_LISTEN
        if is_listening and getattr(connection.laddr, "port", None) == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                break
    return "another process"
