"""Printing something again as it changes."""

from collections.abc import Callable, Iterator

import pytest
import typer

from cli._watch import WATCH_INTERVAL_S, watch_it
from weir.errors import GatewayUnavailableError, RequestError


def interrupting(rounds: int) -> Callable[[float], None]:
    """Give a sleep after which Ctrl-C is pressed."""
    left = iter(range(rounds - 1))

    def sleep(seconds: float) -> None:
        assert WATCH_INTERVAL_S == seconds
        if next(left, None) is None:
            raise KeyboardInterrupt

    return sleep


def printing(*texts: str | Exception) -> Callable[[], None]:
    pages: Iterator[str | Exception] = iter(texts)

    def show() -> None:
        page = next(pages)
        if isinstance(page, Exception):
            raise page
        typer.echo(page)

    return show


def test_into_a_pipe_only_what_is_new_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    watch_it(printing("a", "a", "b", "b", "a"), interrupting(5))
    assert "a\nb\na\n" == capsys.readouterr().out


def test_an_exit_code_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def show() -> None:
        typer.echo("down")
        raise typer.Exit(1)

    watch_it(show, interrupting(2))
    assert "down\n" == capsys.readouterr().out


def test_a_gateway_that_is_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    away = GatewayUnavailableError("no answer")
    watch_it(printing("a", away, away, "b"), interrupting(4))
    printed = capsys.readouterr()
    assert ("a\nb\n", "waiting: no answer\n") == (printed.out, printed.err)


def test_a_refusal_ends_it() -> None:
    with pytest.raises(RequestError):
        watch_it(printing(RequestError("no")), interrupting(9))
