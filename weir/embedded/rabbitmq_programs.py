"""RabbitMQ's installed programs, seen through a folder that has only the plugins we run.

Erlang 25 looks for every module in every folder of its code path, in order. The 73 folders that
RabbitMQ 3.10.8 brings cost 50 000 failed attempts to open a file at each start; with the 33 that
our plugins need, the node was up in 3.6-5.4 s instead of 6.4-9.8 s (2 cores, second start).
"""

import re
import shutil
from pathlib import Path

from weir.errors import ProcessError

#: Where packages and archives put the script that runs as the calling user. Debian's
#: /usr/sbin/rabbitmq-server is not it: that one switches to the user `rabbitmq`.
SERVER_SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/rabbitmq/sbin/rabbitmq-server",
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)
#: Where Erlang's `erl` and RabbitMQ's scripts look for programs.
PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"

#: The broker itself; no plugin names them.
_ALWAYS = ("rabbit", "rabbitmq_prelaunch")
_APPLICATIONS = re.compile(r"\{\s*applications\s*,\s*\[([^\]]*)\]", re.DOTALL)
_ATOM = re.compile(r"\w+")


def is_installed() -> bool:
    """Tell whether a node can be started."""
    return any(Path(script).is_file() for script in SERVER_SCRIPTS)


def server_script() -> Path:
    """Find the script that starts a node as the calling user.

    Raises:
        ProcessError: RabbitMQ is not installed.
    """
    for script in SERVER_SCRIPTS:
        if Path(script).is_file():
            return Path(script)
    raise ProcessError(
        "RabbitMQ is not installed (no " + ", no ".join(SERVER_SCRIPTS) + ");"
        " on Debian and Ubuntu: apt-get install rabbitmq-server"
    )


def link_programs(folder: Path, plugins: Path) -> None:
    """Fill `folder` with links to RabbitMQ's `sbin`, and to the plugins that are needed.

    Made anew each time, for RabbitMQ may have been upgraded meanwhile. For an installation of
    another layout it stays empty: that one is used as it is, which only costs time.

    `plugins`: an enabled_plugins file.

    Raises:
        ProcessError: RabbitMQ is not installed.
    """
    home = server_script().resolve().parent.parent
    shutil.rmtree(folder, ignore_errors=True)
    available = {path.stem: path.parent.parent for path in home.glob("plugins/*/ebin/*.app")}
    needed = _closure({*_ALWAYS, *_ATOM.findall(plugins.read_text())}, available)
    if not needed.issuperset(_ALWAYS):
        return
    (folder / "plugins").mkdir(parents=True)
    for name in needed:
        source = available[name]
        (folder / "plugins" / source.name).symlink_to(source)
    for name in ("sbin", "escript"):
        (folder / name).symlink_to(home / name)


def erlang_program(name: str) -> str | None:
    """Find a program of Erlang's run-time system, which need not be on the path."""
    on_path = shutil.which(name, path=PROGRAM_PATH)
    if on_path:
        return on_path
    erl = shutil.which("erl", path=PROGRAM_PATH)
    if erl is None:
        return None
    beside = sorted(Path(erl).resolve().parent.parent.glob(f"erts-*/bin/{name}"))
    return str(beside[-1]) if beside else None


def _closure(names: set[str], available: dict[str, Path]) -> set[str]:
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name in found or name not in available:
            continue
        found.add(name)
        text = (available[name] / "ebin" / f"{name}.app").read_text(errors="replace")
        applications = _APPLICATIONS.search(text)
        wanted += _ATOM.findall(applications[1]) if applications else []
    return found
