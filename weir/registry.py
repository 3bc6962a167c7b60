"""Finds plugins by looking: one public class in each file of a folder, and entry points."""

import importlib
import inspect
import pkgutil
from typing import Any, TypeVar

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
        found[entry.name] = _load_entry(entry, kind)
    return found


def find(package: str, name: str, kind: type[T]) -> type[T]:
    """Import one plugin by its name, and no other; the folder's own come first.

    Other distributions are only looked through when it is none of the folder's.

    Raises:
        ConfigError: there is none of that name, or it is not what it says.
    """
    own = names(package)
    if name in own:
        return load(package, name, kind)
    from importlib.metadata import entry_points

    others = list(entry_points(group=f"weir.{package}"))
    for entry in others:
        if entry.name == name:
            return _load_entry(entry, kind)
    known = ", ".join(sorted([*own, *(entry.name for entry in others)]))
    what = package.rpartition(".")[2].removesuffix("s")
    raise ConfigError(f"there is no {what} {name!r}: there are {known}")


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


def _load_entry(entry: Any, kind: type[T]) -> type[T]:
    """Import the plugin of an `EntryPoint` of another distribution, which may be anything.

    Raises:
        ConfigError: it cannot be imported, or is no such plugin.
    """
    origin = f"{entry.value} of {entry.dist.name if entry.dist else 'another distribution'}"
    try:
        plugin = entry.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"plugin {entry.name!r}, {origin}: {error}") from error
    if not (inspect.isclass(plugin) and issubclass(plugin, kind)):
        raise ConfigError(f"plugin {entry.name!r}, {origin}: no subclass of {kind.__name__}")
    name = getattr(plugin, "name", None)
    if name != entry.name:
        raise ConfigError(f"plugin {entry.name!r}, {origin}: it calls itself {name!r}")
    return plugin
