"""Tell messages that a stream has dropped from offsets that never had a message.

Measured on RabbitMQ 3.10.8 and 4.3.6: from one segment of a stream to the next there is a record of
the broker's own, which takes an offset and is never delivered. A reader that keeps its position in
the broker leaves such records, too.
"""

from collections.abc import Awaitable, Callable

#: Offsets that a stream leaves out from one segment to the next. What a stream drops ends with a
#: segment, so where a message is missing, this record is missing beside it.
SEGMENT_RECORD_COUNT = 1

#: Gives the offset of the oldest message that a stream still holds; None: it has none.
FirstOffset = Callable[[str], Awaitable[int | None]]


async def count_dropped(first_offset: FirstOffset, stream: str, wanted: int, found: int) -> int:
    """Count the messages that were dropped, where offset `found` came and not `wanted`.

    The stream is asked only where more is missing than lies between two segments. Of each segment
    that was dropped, its record counts as a message.

    Raises:
        BrokerUnavailableError: it cannot be asked now; the messages must be read again.
    """
    if found - wanted <= SEGMENT_RECORD_COUNT:
        return 0
    first = await first_offset(stream)
    # Retention may have gone beyond what came; and what is oldest now was there before, too.
    oldest = found if first is None else min(first, found)
    return max(oldest - wanted, 0)
