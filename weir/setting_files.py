"""Settings whose value is in a file: `WEIR_POSTGRES_URL_FILE=/run/secrets/postgres-url`.

So a secret is neither in a process's environment nor in what a container engine shows of it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"
#: Of one value; an address with a password has some hundred.
VALUE_BYTES_MAX = 16 * 1024


def read_setting_files(
    environ: Mapping[str, str], names: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Put the content of files in the place of the variables that name them.

    `names`: the settings. White space around a value is left out, as editors end files with a line
    feed. Gives the new environment, and a sentence for each file that cannot be used.
    """
    values, problems = dict(environ), []
    for name in names:
        path = values.pop(name + SUFFIX, "")
        if not path:
            continue
        if values.get(name):
            problems.append(f"{name} and {name}{SUFFIX} are both set: leave one out")
            continue
        try:
            values[name] = _read(Path(path))
        except (OSError, ValueError) as error:
            problems.append(f"{name}{SUFFIX} cannot be used: {error}")
    return values, problems


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(VALUE_BYTES_MAX + 1)
    if len(content) > VALUE_BYTES_MAX:
        raise ValueError(f"{path} has more than {VALUE_BYTES_MAX} bytes")
    value = content.decode("utf-8").strip()
    if not value:
        raise ValueError(f"{path} is empty")
    return value
