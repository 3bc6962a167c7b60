"""The edge agent as a process."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from producers.agent.agent import run_agent
from producers.agent.file import read_file
from weir.log import configure_logging
from weir.runtime.process import run_process

#: Exit code of a process whose configuration is wrong (sysexits.h: EX_CONFIG).
EXIT_CONFIG = 78
LOG_LEVEL_VARIABLE = "WEIR_LOG_LEVEL"


def run(path: Path, environ: Mapping[str, str]) -> None:
    """Run the agent of a configuration file until a signal ends it.

    Raises:
        ConfigError: the file cannot be followed.
    """
    file = read_file(path)
    configure_logging(environ.get(LOG_LEVEL_VARIABLE) or "info", "edge")
    run_process(partial(run_agent, file, environ))
