"""Logs that stay small while a process has them open."""

from pathlib import Path

from weir.embedded.part_log import open_log, trim_log


def test_a_log_is_set_aside_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log" / "logs.log"
    with open_log(path) as log:
        log.write(b"x" * 11)
        log.flush()
        trim_log(path, bytes_max=10)
        log.write(b"after")
        log.flush()
    assert path.read_bytes() == b"after"
    assert (tmp_path / "log" / "logs.log.1").read_bytes() == b"x" * 11


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "logs.log"
    trim_log(path)
    path.write_bytes(b"small")
    trim_log(path, bytes_max=10)
    assert [file.name for file in tmp_path.iterdir()] == ["logs.log"]
