"""Write the files that are made from others: protobuf code, reference pages, schemas, dashboards.

`python -m scripts.generate` writes all of them, `... proto` and `... docs` a part; with `--check`
nothing is written, what is out of date is named, and the exit code is 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from scripts import reference

ROOT = Path(__file__).parent.parent
#: Written by generators only: a file here that none of them writes is left over.
OWNED = (
    "weir/telemetry/**/*_pb2.py",
    "weir/telemetry/**/*_pb2.pyi",
    "schemas/json/control/*.json",
    "schemas/json/telemetry/*.json",
    "schemas/json/edge/*.json",
    "schemas/json/events/*.json",
    "deploy/grafana/dashboards/*.json",
)


def main(arguments: list[str]) -> int:
    """Generate, and tell the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts.generate", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("what", nargs="*", help=f"{' or '.join(GENERATORS)}; nothing: all")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args(arguments)
    unknown = set(options.what) - set(GENERATORS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    generated = generate(options.what or GENERATORS)
    stale = differing(generated)
    if not options.what:
        stale |= left_over(generated)
    for path in sorted(stale):
        print(f"out of date: {path}" if options.check else f"wrote {path}")
    if options.check:
        print(f"{len(generated)} generated files, {len(stale)} out of date (make proto docs)")
        return bool(stale)
    for path in stale:
        _write(ROOT / path, generated.get(path))
    return 0


def generate(names: Iterable[str]) -> dict[str, bytes]:
    """Give what the generators make, by path from the repository's root."""
    files: dict[str, bytes] = {}
    for name in names:
        files |= GENERATORS[name]()
    return files


def differing(generated: Mapping[str, bytes]) -> set[str]:
    """Name the files that are missing or not what was generated."""
    return {
        path
        for path, content in generated.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_bytes() != content
    }


def left_over(generated: Mapping[str, bytes]) -> set[str]:
    """Name the files that only a generator writes, and none did."""
    there = {str(path.relative_to(ROOT)) for pattern in OWNED for path in ROOT.glob(pattern)}
    return there - generated.keys()


def protobuf_code() -> dict[str, bytes]:
    """Compile every `.proto` file to a module and its types."""
    sources = [str(path) for path in sorted((ROOT / "proto" / "weir").rglob("*.proto"))]
    with tempfile.TemporaryDirectory() as folder:
        options = [f"-I{ROOT / 'proto'}", f"--python_out={folder}", f"--pyi_out={folder}"]
        compiler = [sys.executable, "-m", "grpc_tools.protoc"]
        subprocess.run([*compiler, *options, *sources], check=True)
        written = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in written}


def dashboards() -> dict[str, bytes]:
    """Render Grafana's dashboards."""
    from scripts.grafana import database, device, fleet, pipeline, rabbitmq

    return {
        f"deploy/grafana/dashboards/{module.__name__.rpartition('.')[2]}.json": (
            json.dumps(module.dashboard().render(), indent=1) + "\n"
        ).encode()
        for module in (fleet, device, pipeline, database, rabbitmq)
    }


def reference_pages() -> dict[str, bytes]:
    """Render what is said about settings, metrics and the wire where they are defined."""
    # They need the protobuf code, which must not be needed to make it.
    from producers.agent.configuration import exported_agent_schemas
    from scripts import asyncapi, cli_reference, edge_reference, http_api, wire
    from weir.codec.control.export import exported_control_schemas
    from weir.codec.json_forms.export import exported_schemas
    from weir.events.export import exported_schemas as exported_event_schemas

    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    schemas = {
        "control": exported_control_schemas(),
        "edge": exported_agent_schemas(),
        "events": exported_event_schemas(),
        "telemetry": exported_schemas(),
    }
    pages = {
        "docs/reference/settings.md": reference.settings_page(),
        "docs/reference/metrics.md": reference.metrics_page(),
        wire.PAGE: wire.wire_page(),
        edge_reference.PAGE: edge_reference.edge_page(),
        http_api.PAGE: http_api.http_api_page(),
        cli_reference.PAGE: cli_reference.cli_page(),
        asyncapi.PAGE: asyncapi.asyncapi_document(),
        ".env.example": reference.env_example(compose),
        **{
            f"schemas/json/{folder}/{name}": text
            for folder, files in schemas.items()
            for name, text in files.items()
        },
    }
    return {path: text.encode() for path, text in pages.items()}


GENERATORS: dict[str, Callable[[], dict[str, bytes]]] = {
    "proto": protobuf_code,
    "docs": reference_pages,
    "dashboards": dashboards,
}


def _write(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
