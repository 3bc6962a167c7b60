"""Carry out the instructions of deploy/Dockerfile without a container engine.

    python -m scripts.try_image --root DIR

Root, on a Debian with `debootstrap`. Each stage is a folder with Debian 12 and its Python 3.11 in
the place of `python:3.11-slim-bookworm`; `RUN` is carried out in it with chroot, as the user and in
the environment that the instructions before it have set. Then what the image is for is tried: its
commands run as the unprivileged user, on a root file system that is mounted read-only.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.dockerfile import Instruction, read_dockerfile

ROOT = Path(__file__).parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
IGNORE = ROOT / ".dockerignore"
BASE_PACKAGES = "ca-certificates,python3,python3-venv"
#: What an engine's network and the index of packages need in a new root.
_OF_THE_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
#: What an engine gives to a container.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Commands that the finished image must answer, with what each must say.
SMOKE = (
    (("iotctl", "--version"), "iotctl "),
    (("iotctl", "run", "gateway", "--help"), "Serve the HTTP API"),
    (("iotctl", "run", "measurements"), "WEIR_POSTGRES_URL is not set"),
    (("python", "-m", "weir.healthcheck"), "WEIR_METRICS_PORT is not set"),
    (("sh", "-c", "touch /opt/weir/x || echo refused"), "refused"),
    (("id", "-u"), "10001"),
)


@dataclass
class Stage:
    """A root directory, and what the instructions so far have set for it."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    user: str = "0:0"
    workdir: str = "/"

    def run(self, command: str) -> None:
        """Carry out a `RUN`; its output is shown."""
        passed = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        script = f"cd {shlex.quote(self.workdir)} && {command}"
        subprocess.run(
            ["chroot", f"--userspec={self.user}", self.folder, "/bin/sh", "-ec", script],
            env=passed | {"PIP_QUIET": "1"} | self.environ,
            check=True,
        )

    def copy(self, sources: Sequence[Path], target: str) -> None:
        """Carry out a `COPY`: the content of folders, and files."""
        place = self.folder / target.removeprefix("/")
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
            else:
                (place if target.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place)


def main(arguments: Sequence[str]) -> int:
    """Build and try; the exit code is 1 when a command of the image says something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="a folder for the stages")
    folder: Path = parser.parse_args(arguments).root
    folder.mkdir(parents=True, exist_ok=True)
    final = _build(folder, read_dockerfile(DOCKERFILE.read_text(encoding="utf-8")))
    size = subprocess.run(
        ["du", "-sm", final.folder / "opt/weir"], capture_output=True, text=True, check=True
    )
    print(f"try_image: /opt/weir has {size.stdout.split()[0]} MB")
    wrong = [line for command, expected in SMOKE for line in _smoke(final, command, expected)]
    print("\n".join(wrong) or f"try_image: {len(SMOKE)} commands answer as they should")
    return int(bool(wrong))


def _build(folder: Path, instructions: Sequence[Instruction]) -> Stage:
    stages: dict[str, Stage] = {}
    for number, instruction in enumerate(instructions, 1):
        print(f"try_image: step {number} of {len(instructions)}: {instruction.line[:90]}")
        words = instruction.words
        match instruction.keyword:
            case "FROM":
                name = words[2] if len(words) > 1 else "final"
                stage = stages[name] = Stage(_base(folder, name))
            case "ENV":
                for name, _, value in (word.partition("=") for word in words):
                    stage.environ[name] = value.replace("$PATH", stage.environ["PATH"])
            case "RUN":
                stage.run(instruction.line)
            case "COPY":
                _copy(stages, stage, words)
            case "USER":
                stage.user = words[0]
            case "WORKDIR":
                stage.workdir = words[0]
    return stages["final"]


def _copy(stages: dict[str, Stage], stage: Stage, words: Sequence[str]) -> None:
    *sources, target = words
    if sources[0].startswith("--from="):
        origin = stages[sources[0].removeprefix("--from=")].folder
        stage.copy([origin / source.removeprefix("/") for source in sources[1:]], target)
    elif sources == ["."]:
        for path in _context():
            place = f"{target}/{path.relative_to(ROOT)}"
            stage.copy([path], place)
    else:
        stage.copy([ROOT / source for source in sources], target)


def _context() -> Iterator[Path]:
    """Give what .dockerignore lets through: it names what is taken, all else stays out."""
    for line in IGNORE.read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            yield ROOT / line[1:]


def _base(folder: Path, name: str) -> Path:
    """Make a new root of the base, from a copy that is kept."""
    kept, root = folder / "base", folder / name
    if not kept.exists():
        print("try_image: debootstrap of Debian 12, once")
        options = ["--variant=minbase", f"--include={BASE_PACKAGES}"]
        made = folder / "base.part"
        subprocess.run(
            ["debootstrap", *options, "bookworm", made, *_mirror()],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (made / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        made.rename(kept)
    if root.exists():
        shutil.rmtree(root)
    subprocess.run(["cp", "-a", kept, root], check=True)
    for path in _OF_THE_MACHINE:
        if Path(path).exists():
            shutil.copy(path, root / path.removeprefix("/"))
    return root


def _mirror() -> list[str]:
    """Give the machine's own mirror."""
    path = Path("/etc/apt/sources.list.d/debian.sources")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.split()[1] for line in lines if line.startswith("URIs:")][:1]


def _smoke(stage: Stage, command: Sequence[str], expected: str) -> Iterator[str]:
    """Run a command as the image would: unprivileged, read-only but for /tmp."""
    mounts = (
        'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && mount -t tmpfs tmpfs "$1/tmp"'
        ' && root=$1 user=$2 && shift 2 && exec chroot --userspec="$user" "$root" "$@"'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", mounts, "sh", stage.folder, stage.user, *command],
        env=stage.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if expected not in done.stdout:
        yield f"try_image: {shlex.join(command)} says {done.stdout!r}, not {expected!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
