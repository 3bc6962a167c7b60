"""The examples in docs/drivers.md are what drivers take, and there is one for each."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from weir import registry
from weir.driver import Driver

PAGE = Path(__file__).parent.parent.parent / "docs" / "drivers.md"
BLOCK = re.compile(r"```yaml\n# (\w+)\n(.*?)```", re.DOTALL)
EXAMPLES: dict[str, Any] = {
    name: yaml.safe_load(text) for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
}
PACKAGE = "producers.drivers"


@pytest.mark.parametrize("name", sorted(registry.names(PACKAGE)))
def test_the_example_of_a_driver_is_a_configuration_of_it(name: str) -> None:
    driver_class = registry.load(PACKAGE, name, Driver)  # type: ignore[type-abstract] # a subclass
    configuration = driver_class.configuration_class.model_validate(EXAMPLES[name])
    assert set(EXAMPLES[name]) == configuration.model_fields_set


def test_there_are_no_examples_of_what_is_not_there() -> None:
    assert set(EXAMPLES) <= set(registry.names(PACKAGE))
