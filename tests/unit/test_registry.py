"""Finding plugins: those of other distributions, and what is wrong with some of them."""

import textwrap
from pathlib import Path

import pytest

from weir.driver import Driver
from weir.errors import ConfigError
from weir.registry import discover, find

DRIVERS = "producers.drivers"
#: All that a distribution needs: what it is called, and where its plugin is.
ENTRY_POINTS = "[weir.producers.drivers]\n{name} = {value}\n"

MODULE = """
from weir.codec.encode import FieldReadings
from weir.driver import Driver, DriverConfiguration, Polled
from weir.model.announcement import FieldDescription


class Thermo(Driver[DriverConfiguration]):
    name = "thermo"
    model = "thermo-1"
    configuration_class = DriverConfiguration

    @property
    def fields(self):
        return (FieldDescription("temperature", "Cel"),)

    async def read(self, poll):
        return Polled([FieldReadings("temperature", [poll.end_us], [21.5])])
"""


def install(folder: Path, module: str, *, name: str, value: str) -> None:
    """Put a distribution with one driver into a folder."""
    (folder / f"{module}.py").write_text(textwrap.dedent(MODULE))
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS.format(name=name, value=value))


def test_a_driver_of_another_distribution_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme_thermo", name="thermo", value="acme_thermo:Thermo")
    monkeypatch.syspath_prepend(tmp_path)
    found = find(DRIVERS, "thermo", Driver)  # type: ignore[type-abstract] # a subclass
    assert ("thermo", "thermo-1") == (found.name, found.model)
    everything = discover(DRIVERS, Driver)  # type: ignore[type-abstract] # a subclass
    assert found is everything["thermo"]
    assert "vibration" in everything


@pytest.mark.parametrize(
    ("module", "value", "said"),
    [
        ("acme_a", "acme_a.nothing:Thermo", "'broken', acme_a.nothing:Thermo of acme_a"),
        ("acme_b", "acme_b:Nothing", "has no attribute 'Nothing'"),
        ("acme_c", "acme_c:FieldReadings", "no subclass of Driver"),
        ("acme_d", "acme_d:Thermo", "it calls itself 'thermo'"),
    ],
)
def test_what_is_no_driver_is_named_with_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, value: str, said: str
) -> None:
    install(tmp_path, module, name="broken", value=value)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=said):
        find(DRIVERS, "broken", Driver)  # type: ignore[type-abstract] # a subclass


def test_two_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "acme_e", name="vibration", value="acme_e:Thermo")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="are called 'vibration'"):
        discover(DRIVERS, Driver)  # type: ignore[type-abstract] # a subclass


def test_a_name_that_nobody_has_is_answered_with_those_that_are_there() -> None:
    with pytest.raises(ConfigError, match=r"there is no driver 'toaster': there are .*vibration"):
        find(DRIVERS, "toaster", Driver)  # type: ignore[type-abstract] # a subclass
