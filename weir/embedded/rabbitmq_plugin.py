"""Our plugin for the broker, which lets no client in before the streams have leaders.

Without it, RabbitMQ 3.10.8 confirms and throws away what is published in the first half second of
each start; `deploy/rabbitmq/weir_ready/weir_ready.erl` says how. It is compiled where it runs,
because a compiled Erlang module does not run on an older Erlang than the one that made it.
"""

import shutil
import subprocess
from pathlib import Path

from weir.embedded.rabbitmq_programs import PROGRAM_PATH, erlang_program
from weir.errors import ProcessError
from weir.paths import RABBITMQ_SETTINGS

PLUGIN = "weir_ready"
#: RabbitMQ wants a version in the name of a plugin's folder.
_FOLDER = f"{PLUGIN}-1.0.0"
_COMPILE_TIMEOUT_S = 60.0


def add_plugin(plugins: Path, enabled_plugins: Path) -> None:
    """Compile the plugin into `plugins` and enable it; made anew each time.

    Raises:
        ProcessError: there is no compiler, or it failed.
    """
    source = RABBITMQ_SETTINGS / PLUGIN
    compiled = plugins / _FOLDER / "ebin"
    shutil.rmtree(plugins, ignore_errors=True)
    compiled.mkdir(parents=True)
    shutil.copyfile(source / f"{PLUGIN}.app", compiled / f"{PLUGIN}.app")
    compiler = erlang_program("erlc")
    if compiler is None:
        raise ProcessError("Erlang's compiler (erlc) was not found beside RabbitMQ")
    try:
        subprocess.run(  # noqa: S603 - our own program and arguments
            (compiler, "-o", str(compiled), str(source / f"{PLUGIN}.erl")),
            env={"PATH": PROGRAM_PATH, "HOME": str(plugins)},
            capture_output=True,
            timeout=_COMPILE_TIMEOUT_S,
            check=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise ProcessError(f"erlc failed: {error.stdout}{error.stderr}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProcessError(f"erlc failed: {error}") from error
    listed = enabled_plugins.read_text().rstrip().removesuffix("].")
    enabled_plugins.write_text(f"{listed},{PLUGIN}].\n")
