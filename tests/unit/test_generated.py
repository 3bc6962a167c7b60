"""Generated files are what their sources say now."""

import pytest

from scripts.generate import GENERATORS, differing, generate, left_over
from weir.config import variable_names


@pytest.mark.parametrize("name", GENERATORS)
def test_generated_files_are_up_to_date(name: str) -> None:
    assert set() == differing(generate([name])), "run `make proto docs`"


def test_nothing_generated_is_left_over() -> None:
    assert set() == left_over(generate(GENERATORS))


def test_the_settings_page_and_the_example_name_every_setting() -> None:
    pages = generate(["docs"])
    for path in ("docs/reference/settings.md", ".env.example"):
        text = pages[path].decode()
        assert [] == [name for name in variable_names() if name not in text]
