"""Isolating what a database refuses: everything else is stored, in order, exactly once."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from hypothesis import given
from hypothesis import strategies as st

from weir.consumer import StreamConsumer, StreamMessage
from weir.errors import (
    ConflictError,
    NotApprovedError,
    RefusedItemsError,
    RejectedByStoreError,
)
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.runtime.partition_commit import commit_entries
from weir.runtime.partition_entry import Entry


class Ledger(StreamConsumer[int]):
    """Keeps integers, with a conditional checkpoint; refuses a transaction that has a bad one."""

    name = "ledger"

    def __init__(self, refused: AbstractSet[int], waiting: AbstractSet[int] = frozenset()) -> None:
        self.checkpoint_name = self.name
        self.refused = refused
        self.waiting = waiting
        self.next_offset = 0
        self.stored: list[int] = []
        self.letters: list[DeadLetter] = []
        self.transaction_count = 0

    def decode(self, message: StreamMessage) -> int:
        return message.offset

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[int],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        self.transaction_count += 1
        if start.next_offset != self.next_offset:
            raise ConflictError
        waiting = {i: NotApprovedError() for i, item in enumerate(items) if item in self.waiting}
        if waiting:
            raise RefusedItemsError(waiting)
        if self.refused & set(items):
            raise RejectedByStoreError("out of range")
        self.next_offset = next_offset
        self.stored += items
        self.letters += letters
        return AppendReport(stored_count=len(items))


def entries(count: int) -> list[Entry[int]]:
    return [
        Entry(StreamMessage(n, f"sensor.dev-{n}.measurements", b"body", 0), n, None)
        for n in range(count)
    ]


few = st.sets(st.integers(0, 59), max_size=5)


@given(count=st.integers(1, 60), refused=few, waiting=few)
async def test_only_the_refused_become_dead_letters(
    count: int, refused: set[int], waiting: set[int]
) -> None:
    ledger = Ledger(refused, waiting)

    committed = await commit_entries(ledger, Checkpoint("ledger", "s", 0), entries(count))

    expected_letters = sorted(n for n in refused | waiting if n < count)
    assert [n for n in range(count) if n not in refused | waiting] == ledger.stored
    assert expected_letters == [letter.source_offset for letter in ledger.letters]
    assert count == ledger.next_offset
    assert len(ledger.stored) == committed.report.stored_count
    assert tuple(ledger.letters) == committed.letters


async def test_one_bad_message_in_ten_thousand_costs_a_few_transactions() -> None:
    ledger = Ledger({6_789})

    await commit_entries(ledger, Checkpoint("ledger", "s", 0), entries(10_000))

    assert 9_999 == len(ledger.stored)
    [letter] = ledger.letters
    assert ("rejected_by_store", "dev-6789", b"body") == (letter.reason, letter.serial, letter.body)
    assert 35 >= ledger.transaction_count
