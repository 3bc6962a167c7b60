"""Let a person edit a document in their own editor, until it is taken or given up."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli._documents import Language, read_document, write_document
from weir.errors import ConfigError, RequestError, WeirError
from weir.model.document_diff import differences

_EDITOR = "vi"
_REASON_LENGTH_MAX = 2_000

#: Opens the editor on a file and returns when it is closed.
Open = Callable[[Path], None]
#: Takes a document, or raises `RequestError` with what is wrong with it.
Submit = Callable[[dict[str, Any]], object]


def edit(document: Mapping[str, Any], title: str, language: Language, submit: Submit) -> bool:
    """Edit until `submit` takes it; False: nothing was changed, or it was given up.

    What is refused is opened again with the reason on top. What a person has written is never lost:
    where it was not taken, it stays in a file, which the error names.

    Raises:
        WeirError: it was not taken, for a reason that editing cannot mend, or the same was left
            twice; or the editor failed.
    """
    return edit_with(_run_editor, document, title, language, submit)


def edit_with(
    open_: Open, document: Mapping[str, Any], title: str, language: Language, submit: Submit
) -> bool:
    """Edit with what opens a file; otherwise as `edit`."""
    descriptor, name = tempfile.mkstemp(prefix="iotctl-", suffix=f".{language}")
    os.close(descriptor)
    file = Path(name)
    file.write_text(_header(title) + write_document(document, language), "utf-8")
    try:
        is_taken = _until_taken(open_, file, document, language, submit)
    except WeirError as error:
        raise type(error)(f"{error}\nwhat you wrote is in {file}") from error
    file.unlink()
    return is_taken


def _until_taken(
    open_: Open, file: Path, document: Mapping[str, Any], language: Language, submit: Submit
) -> bool:
    refused: str | None = None
    while True:
        open_(file)
        text = _without_comments(file.read_text("utf-8"))
        if not text.strip():
            return False
        try:
            edited = read_document(text, language)
            if not differences(document, edited):
                return False
            submit(edited)
        except (ConfigError, RequestError) as error:
            if text == refused:
                raise
            refused = text
            file.write_text(_header(f"not taken: {error}") + text, "utf-8")
        else:
            return True


def _header(title: str) -> str:
    lines = [
        *title[:_REASON_LENGTH_MAX].splitlines(),
        "Lines that begin with # are left out. Leave nothing, or nothing new, to give up.",
    ]
    return "".join(f"# {line}\n" for line in lines)


def _without_comments(text: str) -> str:
    """Take out the lines at the top; further down a # may be part of a text."""
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)


def _run_editor(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _EDITOR
    command = [*shlex.split(editor), str(file)]
    try:
        outcome = subprocess.run(command, check=False)  # noqa: S603 - the person's own editor
    except OSError as error:
        raise ConfigError(
            f"the editor {editor!r} cannot be started ({error.strerror}): set VISUAL or EDITOR"
        ) from error
    if outcome.returncode:
        raise ConfigError(f"the editor {editor!r} failed: nothing was changed")
