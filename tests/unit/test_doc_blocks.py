"""Every code block of the documentation can be read by what it is for; those of shells are run
by `tests/e2e/test_documented_commands.py`, or say why not.
"""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from google.protobuf import text_format

from scripts.wire import MESSAGES
from tests.doc_blocks import BLOCKS, Block
from tests.e2e.test_documented_commands import ALL_PAGES

#: How many blocks may be left out at most; each says why. Fewer is better.
NOT_RUN_COUNT_MAX = 25
#: What programs print, and queries that a test of their own runs.
NOT_CODE = {"", "text", "sql"}
#: Declares what the example calls, where the library is not installed.
MOSQUITTO = """
#include <stdbool.h>
#include <stddef.h>
enum { MOSQ_ERR_SUCCESS = 0 };
struct mosquitto;
int mosquitto_lib_init(void);
struct mosquitto *mosquitto_new(const char *, bool, void *);
int mosquitto_username_pw_set(struct mosquitto *, const char *, const char *);
int mosquitto_connect(struct mosquitto *, const char *, int, int);
int mosquitto_publish(struct mosquitto *, int *, const char *, int, const void *, int, bool);
bool mosquitto_want_write(struct mosquitto *);
int mosquitto_loop(struct mosquitto *, int, int);
int mosquitto_disconnect(struct mosquitto *);
"""


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_language_is_one_that_is_checked() -> None:
    checked = {"sh", "python", "c", "js", "json", "yaml", "toml", "textproto"}
    assert set() == {block.language for block in BLOCKS} - checked - NOT_CODE


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_yaml(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", of("textproto"), ids=str)
def test_a_message_in_its_text_form_is_one_of_ours(block: Block) -> None:
    problems = []
    for message in MESSAGES.values():
        try:
            text_format.Parse(block.text, message())
        except text_format.ParseError as error:
            problems.append(str(error))
    assert len(problems) < len(MESSAGES), problems


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", of("c"), ids=str)
def test_c_compiles_without_a_warning(block: Block, tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "mosquitto.h").write_text(MOSQUITTO)
    (tmp_path / "example.c").write_text(block.text)
    installed = Path("/usr/include/mosquitto.h").exists()
    include = [] if installed else [f"-I{tmp_path}"]
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *include]
    # The stand-in lies beside the file, where only quotes would find it.
    check(["cc", *options, str(tmp_path / "example.c")])


@pytest.mark.parametrize("block", of("js"), ids=str)
def test_javascript_parses(block: Block, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    (tmp_path / "example.js").write_text(block.text)
    check(["node", "--check", str(tmp_path / "example.js")])


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_a_shell_can_read_it(block: Block) -> None:
    check(["sh", "-n", "-c", block.text.replace("...", "x")])


def test_what_is_not_run_says_why_and_is_counted() -> None:
    not_run = [block for block in BLOCKS if block.reason]
    assert [] == [str(block) for block in not_run if len(block.reason.split()) < 3]
    assert len(not_run) <= NOT_RUN_COUNT_MAX


def test_every_other_shell_block_is_in_a_page_that_is_run() -> None:
    left_out = [str(block) for block in of("sh") if block.is_run and block.page not in ALL_PAGES]
    assert [] == left_out, "say before it: <!-- not run: why -->"


def check(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
