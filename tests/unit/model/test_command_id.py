"""Names of commands ascend with time and can be told apart."""

import re
from datetime import timedelta
from random import Random

from weir.clock import from_us
from weir.model.command_id import RANDOM_BYTES, command_id
from weir.model.limits import COMMAND_ID_PATTERN
from weir.testing.clock import START


def test_it_is_26_characters_that_the_wire_takes() -> None:
    id_ = command_id(START, Random(1).randbytes(RANDOM_BYTES))

    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", id_)
    assert re.fullmatch(COMMAND_ID_PATTERN, id_)


def test_a_later_one_is_greater_whatever_is_random() -> None:
    ids = [
        command_id(START + timedelta(milliseconds=number), Random(number).randbytes(RANDOM_BYTES))
        for number in range(200)
    ]

    assert sorted(ids) == ids


def test_those_of_one_instant_differ() -> None:
    random = Random(7)
    ids = {command_id(START, random.randbytes(RANDOM_BYTES)) for _ in range(1_000)}

    assert 1_000 == len(ids)


def test_its_first_characters_are_the_time_as_others_write_it() -> None:
    # The example of github.com/ulid/javascript.
    instant = from_us(1_469_918_176_385_000)

    assert "01aryz6s41" == command_id(instant, bytes(RANDOM_BYTES))[:10]
