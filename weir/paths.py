"""Where the repository's folders are, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_BUNDLED = _PACKAGE / "_root"

#: Repository root in a checkout; its bundled copy, `weir/_root`, in a wheel.
ROOT = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent

SCHEMAS = ROOT / "schemas"
MIGRATIONS = SCHEMAS / "sql"
PROTO = ROOT / "proto"
RABBITMQ_SETTINGS = ROOT / "deploy" / "rabbitmq"
