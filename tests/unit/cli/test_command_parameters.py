"""What is typed becomes parameters and durations, or a message that says what is wrong."""

from typing import Any

import pytest
import typer

from cli._command_parameters import read_parameters
from cli._command_sending import outcome, step_words
from cli._durations import duration_s


@pytest.mark.parametrize(
    ("pairs", "document", "parameters"),
    [
        ([], None, {}),
        (["frequency_hz=50"], None, {"frequency_hz": 50}),
        (
            ["on=true", "mode=fast", "levels=[1, 2]"],
            None,
            {"on": True, "mode": "fast", "levels": [1, 2]},
        ),
        (["text="], None, {"text": ""}),
        (["a=b=c"], None, {"a": "b=c"}),
        (["value=NaN"], None, {"value": "NaN"}),
        (["a=2"], '{"a": 1, "b": {"c": null}}', {"a": 2, "b": {"c": None}}),
    ],
)
def test_values_are_json_where_they_can_be(
    pairs: list[str], document: str | None, parameters: dict[str, Any]
) -> None:
    assert parameters == read_parameters(pairs, document)


@pytest.mark.parametrize(
    ("pairs", "document", "message"),
    [
        (["frequency"], None, "'frequency' is not like name=value"),
        (["=5"], None, "not like name=value"),
        ([], "{", "--json: not JSON"),
        ([], "[1]", "--json: not a JSON object"),
    ],
)
def test_what_is_no_parameter_is_said(pairs: list[str], document: str | None, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        read_parameters(pairs, document)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("90", 90), ("1.5", 1.5), ("90s", 90), ("1h30m", 5_400), ("7d", 604_800)],
)
def test_durations_are_read(text: str | None, seconds: float | None) -> None:
    assert seconds == duration_s(text)


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 m", "1w", "1e9"])
def test_what_is_no_duration_is_said(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no duration"):
        duration_s(text)


def test_steps_and_outcomes_are_told_in_words() -> None:
    assert "sent again" == step_words({"step": "sent", "data": {"attempt": 2}})
    assert "failed: no bed" == step_words({"step": "failed", "data": {"error": "no bed"}})
    assert "timed out (answered too late: succeeded)" == outcome(
        {"state": "timed_out", "error": "", "late_status": "succeeded"}
    )
