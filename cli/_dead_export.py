"""Writes dead letters out, one at a time, so that any number of them fits."""

import json
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

from cli._client import Answer, Gateway, Parameters
from cli._settling import PATH
from weir.errors import ConfigError

WriteLetter = Callable[[Answer], None]


def letters(gateway: Gateway, wanted: Parameters) -> Iterator[Answer]:
    """Give whole letters, newest first.

    Raises:
        WeirError: the gateway is away, or refuses.
    """
    for summary in gateway.get_all(PATH, wanted, key="dead_letters", limit=None):
        yield gateway.get(f"{PATH}/{summary['dead_letter_id']}")


def line_writer() -> WriteLetter:
    """Write letters to stdout, each as a line of JSON with its body in base64."""

    def write(letter: Answer) -> None:
        sys.stdout.write(json.dumps(letter, ensure_ascii=False, separators=(",", ":")) + "\n")

    return write


def file_writer(directory: Path) -> WriteLetter:
    """Write letters into a folder: the body to `<ID>.bin`, the rest to `<ID>.json`.

    Raises:
        ConfigError: the folder cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--directory {directory}: {error.strerror}") from error

    def write(letter: Answer) -> None:
        stem = directory / str(letter["dead_letter_id"])
        stem.with_suffix(".bin").write_bytes(b64decode(letter.pop("body_base64")))
        text = json.dumps(letter, ensure_ascii=False, indent=2)
        stem.with_suffix(".json").write_text(text + "\n", encoding="utf-8")

    return write
