"""Which processes the system has, and what runs in each."""

from pathlib import Path

from weir.embedded.layout import Layout
from weir.embedded.port_plan import plan_ports
from weir.embedded.stack import HEAVY_CONSUMERS, Part, Stack, StackOptions

CONSUMERS = ("aggregates", "gaps", "logs", "measurements")


def options(folder: Path, *consumers: str, simulated_count: int = 0) -> StackOptions:
    return StackOptions(folder, consumers, {}, simulated_count)


def parts_of(asked: StackOptions) -> dict[str, Part]:
    layout = Layout(asked.folder)
    layout.make()
    ports = plan_ports(asked.services, {}, {})
    return {part.name: part for part in Stack(asked, layout, ports).parts()}


def test_light_consumers_share_a_process_and_heavy_ones_have_their_own(tmp_path: Path) -> None:
    asked = options(tmp_path, *CONSUMERS, simulated_count=1)
    assert ("aggregates", "measurements", "consumers", "gateway", "simulator") == asked.services
    parts = parts_of(asked)
    assert ("run", "gaps", "logs") == parts["consumers"].spec.argv[3:]
    assert ("gaps", "logs") == parts["consumers"].members
    assert ("run", "measurements") == parts["measurements"].spec.argv[3:]
    assert () == parts["measurements"].members


def test_without_light_consumers_there_is_no_process_for_them(tmp_path: Path) -> None:
    assert "consumers" not in options(tmp_path, *sorted(HEAVY_CONSUMERS)).services
