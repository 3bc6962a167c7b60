"""Ports are chosen, and problems with them named, before anything starts."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from weir.embedded.port_plan import ANY_PORT, USUAL_PORTS, plan_ports, read_ports, write_ports
from weir.embedded.ports import free_ports, is_taken
from weir.errors import ConfigError

#: So that a test does not depend on what runs on the machine.
ANYWHERE = dict.fromkeys(USUAL_PORTS, ANY_PORT)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_every_part_gets_a_port_of_its_own() -> None:
    ports = plan_ports(("registry", "gateway"), ANYWHERE, {})
    assert set(ports) == {*USUAL_PORTS, "metrics.registry", "metrics.gateway"}
    assert len(set(ports.values())) == len(ports)
    assert not any(is_taken(port) for port in ports.values())


def test_a_port_that_was_asked_for_is_used() -> None:
    (port,) = free_ports(1)
    assert plan_ports((), {**ANYWHERE, "mqtt": port}, {})["mqtt"] == port


def test_ports_of_an_earlier_start_are_used_again() -> None:
    first = plan_ports(("logs",), ANYWHERE, {})
    assert plan_ports(("logs",), {}, first) == first


def test_a_taken_port_is_reported_with_its_name_and_its_owner(taken_port: int) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_ports((), {**ANYWHERE, "mqtt": taken_port}, {})
    (problem,) = caught.value.problems
    assert problem.startswith(f"port {taken_port} (mqtt) is taken by ")
    assert f"(pid {os.getpid()})" in problem
    assert "--port mqtt=NUMBER" in problem


def test_a_taken_port_of_an_earlier_start_is_not_changed_silently(taken_port: int) -> None:
    with pytest.raises(ConfigError, match="used by this installation before"):
        plan_ports((), {}, {**plan_ports((), ANYWHERE, {}), "management": taken_port})


def test_a_taken_metrics_port_of_an_earlier_start_is_chosen_anew(taken_port: int) -> None:
    remembered = {**plan_ports((), ANYWHERE, {}), "metrics.logs": taken_port}
    assert plan_ports(("logs",), {}, remembered)["metrics.logs"] != taken_port


def test_all_problems_are_reported_at_once(taken_port: int) -> None:
    asked = {**ANYWHERE, "mqtt": taken_port, "amqp": taken_port}
    with pytest.raises(ConfigError) as caught:
        plan_ports((), asked, {})
    assert len(caught.value.problems) == 2


def test_one_number_for_two_parts_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ConfigError, match=f"port {port} is asked for twice"):
        plan_ports((), {**ANYWHERE, "mqtt": port, "amqp": port}, {})


@pytest.mark.parametrize(
    ("asked", "problem"),
    [({"mqttt": 1}, "no port called 'mqttt'"), ({"mqtt": 65_536}, "0 .any. to 65535")],
)
def test_nonsense_is_refused(asked: dict[str, int], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        plan_ports((), asked, {})


def test_chosen_ports_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert read_ports(path) == {}
    write_ports(path, {"mqtt": 1883})
    assert read_ports(path) == {"mqtt": 1883}
