"""Which of RabbitMQ's plugins are laid out for a node."""

from pathlib import Path

import pytest

from weir.embedded import rabbitmq_programs
from weir.embedded.rabbitmq_programs import link_programs
from weir.errors import ProcessError


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "rabbitmq"
    script = home / "sbin" / "rabbitmq-server"
    script.parent.mkdir(parents=True)
    script.write_text("")
    monkeypatch.setattr(rabbitmq_programs, "SERVER_SCRIPTS", (str(script),))
    return home


def install(home: Path, name: str, *applications: str) -> None:
    folder = home / "plugins" / f"{name}-1.0" / "ebin"
    folder.mkdir(parents=True)
    text = f'{{application,{name},[{{vsn,"1.0"}},{{applications,[{",".join(applications)}]}}]}}.'
    (folder / f"{name}.app").write_text(text)


def test_plugins_are_linked_with_all_that_they_need(installation: Path, tmp_path: Path) -> None:
    install(installation, "rabbit", "kernel", "stdlib", "ra")
    install(installation, "rabbitmq_prelaunch", "kernel")
    install(installation, "ra", "kernel")
    install(installation, "rabbitmq_mqtt", "rabbit")
    install(installation, "rabbitmq_shovel", "rabbit")
    enabled = tmp_path / "enabled_plugins"
    enabled.write_text("[rabbitmq_mqtt].\n")
    programs = tmp_path / "programs"
    for _ in range(2):
        link_programs(programs, enabled)
    linked = {path.name for path in (programs / "plugins").iterdir()}
    assert linked == {"rabbit-1.0", "rabbitmq_prelaunch-1.0", "ra-1.0", "rabbitmq_mqtt-1.0"}
    assert (programs / "sbin" / "rabbitmq-server").is_file()


def test_an_installation_of_another_layout_is_left_as_it_is(
    installation: Path, tmp_path: Path
) -> None:
    (installation / "plugins").mkdir()
    (installation / "plugins" / "rabbit-3.9.ez").write_text("")
    enabled = tmp_path / "enabled_plugins"
    enabled.write_text("[rabbitmq_mqtt].\n")
    link_programs(tmp_path / "programs", enabled)
    assert not (tmp_path / "programs").exists()


def test_without_rabbitmq_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rabbitmq_programs, "SERVER_SCRIPTS", (str(tmp_path / "none"),))
    with pytest.raises(ProcessError, match="apt-get install rabbitmq-server"):
        rabbitmq_programs.server_script()
