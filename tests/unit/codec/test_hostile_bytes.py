"""Whatever bytes arrive, decoding ends in a batch within its bounds or in a reason to refuse it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import LATEST_US, SERIAL, Draft, decode, drafts, encode_one
from weir.codec.device_log import decode_logs
from weir.codec.registry import decode_announcement
from weir.errors import InvalidMessageError
from weir.model.limits import OBSERVED_AT_US_MIN, READING_COUNT_MAX

#: Numbers at which 32 and 64 bits end, and where the sums of them wrap around.
EDGES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**54, 2**62, 2**63 - 1, 2**64 - 1)


def assert_bounded_or_refused(body: bytes) -> None:
    """Decode: only a refusal may be raised, and what passes must be storable."""
    try:
        batch = decode(body)
    except InvalidMessageError:
        return
    assert 1 <= batch.reading_count <= READING_COUNT_MAX
    for column in batch.columns:
        assert len(column.observed_at_us) == len(column.numbers) + len(column.texts)
        for instant in column.observed_at_us:
            assert OBSERVED_AT_US_MIN <= instant <= LATEST_US
        for number in column.numbers:
            assert float("-inf") < number < float("inf")


def mutate(body: bytes, rng: random.Random) -> bytes:
    """Flip, cut, repeat or insert a few bytes, or plant a varint from an edge."""
    mutated = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(mutated) + 1)
        match rng.randrange(5):
            case 0:
                mutated[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del mutated[at : at + rng.randint(1, 8)]
            case 2:
                mutated[at:at] = rng.randbytes(rng.randint(1, 8))
            case 3:
                mutated[at:at] = mutated[at : at + rng.randint(1, 16)]
            case _:
                planted = varint(rng.choice(EDGES))
                mutated[at : at + len(planted)] = planted
    return bytes(mutated)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_by_every_decoder(body: bytes) -> None:
    assert_bounded_or_refused(body)
    for decoder in (decode_announcement, decode_logs):
        try:
            decoder(body, SERIAL)
        except InvalidMessageError:
            continue


@given(drafts(count_max=80), st.randoms(use_true_random=False))
def test_mutated_batches_are_bounded_or_refused(draft: Draft, rng: random.Random) -> None:
    assert_bounded_or_refused(mutate(draft.encode(), rng))


@pytest.mark.parametrize("seed", range(4))
def test_many_mutations_of_few_batches_are_bounded_or_refused(seed: int) -> None:
    hammer(seed, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_million_mutations_are_bounded_or_refused(seed: int) -> None:
    hammer(seed, 100_000)


def hammer(seed: int, count: int) -> None:
    rng = random.Random(seed)
    bodies = [
        encode_one([rng.gauss(0, 1) for _ in range(70)], period_us=rng.choice([0, 1, 40, 10**6])),
        encode_one([rng.randrange(2**53) for _ in range(70)]),
        encode_one([index / 10 for index in range(70)]),
        encode_one([index / 100 for index in range(5)]),
        encode_one(["on", "off", ""]),
        encode_one([True, False]),
    ]
    for _ in range(count):
        body = mutate(rng.choice(bodies), rng)
        try:
            assert_bounded_or_refused(body)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {body.hex()}") from error
