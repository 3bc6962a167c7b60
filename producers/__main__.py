"""`python -m producers`: the edge agent with as little as it needs, for small computers.

`iotctl edge run` does the same. Exit code 78: the configuration is wrong.
"""

import argparse
import os
import sys
from pathlib import Path

from producers.lean_imports import lean_imports


def main(arguments: list[str]) -> int:
    """Run the agent until it is told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m producers", description="Run an edge agent.")
    parser.add_argument("--config", type=Path, default=Path("edge.yaml"), metavar="FILE")
    options = parser.parse_args(arguments)
    with lean_imports():
        from producers.agent.process import EXIT_CONFIG, run
        from weir.errors import ConfigError

    try:
        run(options.config, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return EXIT_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
