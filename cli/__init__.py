"""`iotctl`, the command line: one file for each command or group of commands, found by looking.

A file `cli/<name>.py` is the command `iotctl <name>` (an underscore becomes a dash); files that
start with an underscore are helpers. Adding a command edits nothing else. A file has either

* `app`, a `typer.Typer`, when it is a group: `iotctl devices list`, `iotctl devices show`; or
* `command`, a function, when it is a single command: `iotctl up`.

Its module docstring is its help: the first line is what `iotctl --help` lists (read without
importing the file), the rest is shown by `iotctl <name> --help`. Inside a group, each function's
docstring is that command's help. An indented block is shown as it stands, and every command has one
that teaches it by example: a line `Example:` (or `Examples:`), then the command line, indented.

Help texts are compared with `tests/golden/cli`: after a change of one, run
`WEIR_TEST_UPDATE_GOLDEN=1 pytest tests/contract/test_commands.py` and look at the difference.

A file is imported only when its command is used, so that `iotctl --help` stays fast; within a file,
import at the top, but what a bare install lacks in the functions that need it. A command parses,
calls one function, prints: tables go through `cli._output`, requests through `cli._client`. A
`WeirError` becomes one line and an exit code (`cli._errors`); anything else is a bug and shows its
traceback.
"""
