"""Keeps out of a small device what its libraries import and it never uses.

Together 4 MB of memory and a fifth of the time to start (`python -m benchmarks.edge`). What a
driver then does use after all is imported as usual.
"""

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: Imported by paho for proxies, which need a library that we do not install, and by protobuf for
#: its slow implementation: each with a dozen modules of its own.
PUT_OFF = ("urllib.request", "google.protobuf.internal.python_message")


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import the agent within the block, which must be the first to import its libraries."""
    # Looking for garbage where there is none takes a tenth of the time, now and at each later look.
    gc.disable()
    # structlog draws with rich where it finds it, for lines of JSON.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # "not to be found"
    _find_no_plugins()
    for name in PUT_OFF:
        put_off(name)
    yield
    gc.collect()
    gc.freeze()
    gc.enable()


def put_off(name: str) -> None:
    """Let `import name` give a stand-in, and import the module when something of it is used."""
    if name in sys.modules:
        return
    stand_in = ModuleType(name)

    def use(attribute: str) -> Any:
        # What Python itself looks for in any module is no use of it.
        if attribute.startswith("__"):
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        if sys.modules.get(name) is stand_in:
            sys.modules.pop(name, None)
        return getattr(importlib.import_module(name), attribute)

    # PEP 562: a module asks this for what it does not have.
    stand_in.__getattr__ = use  # type: ignore[method-assign] # of the module, not of its class
    sys.modules[name] = stand_in
    parent, _, child = name.rpartition(".")
    setattr(importlib.import_module(parent), child, stand_in)


def _find_no_plugins() -> None:
    """Spare pydantic the search of all installed distributions for plugins, of which we have none.

    Its setting PYDANTIC_DISABLE_PLUGINS comes too late: what would search is imported first.
    """
    loader = ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined] # what it would have
    sys.modules.setdefault(loader.__name__, loader)
