"""Finds plugins by looking: one public class in each file of a folder, and entry points."""

import importlib
import inspect
import pkgutil
from typing import TypeVar

from weir.errors import ConfigError

T = TypeVar("T")


def discover(package: str, kind: type[T]) -> dict[str, type[T]]:
    """Import every module of `package` and give its subclass of `kind`, by `name`.

    Other distributions add theirs through the entry point group `weir.<package>`.

    Raises:
        ConfigError: a file without exactly one such class, a name that is not the file's, or two
            plugins of one name.
    """
    found: dict[str, type[T]] = {}
    for module_name in sorted(names(package)):
        found[module_name] = load(package, module_name, kind)
    # A small device names its drivers; it is spared what looks through all distributions.
    from importlib.metadata import entry_points

    for entry in entry_points(group=f"weir.{package}"):
        if entry.name in found:
            raise ConfigError(f"two plugins of {package} are called {entry.name!r}")
        found[entry.name] = entry.load()
    return found


def names(package: str) -> list[str]:
    """Name the modules of a plugin folder without importing them."""
    folder = importlib.import_module(package)
    return [info.name for info in pkgutil.iter_modules(folder.__path__) if info.name[0] != "_"]


def load(package: str, module_name: str, kind: type[T]) -> type[T]:
    """Import one module of a plugin folder and give its subclass of `kind`.

    Raises:
        ConfigError: it does not have exactly one, or one with another `name`.
    """
    module = importlib.import_module(f"{package}.{module_name}")
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, kind) and member.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ConfigError(f"{module.__name__} has {len(classes)} plugins, it must have one")
    name = getattr(classes[0], "name", None)
    if name != module_name:
        raise ConfigError(f"{module.__name__} calls its plugin {name!r}, not {module_name!r}")
    return classes[0]
