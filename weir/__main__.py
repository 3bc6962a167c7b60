"""The entry point of `iotctl`: makes the applications importable, then starts the command line."""

import sys

from weir.paths import ROOT


def main() -> None:
    """Run `iotctl`."""
    sys.path.insert(0, str(ROOT))
    from cli.main import main as run

    run()


if __name__ == "__main__":
    main()
