"""How far a reading can be trusted, as its device says; the numbers are those of the wire."""

from enum import IntEnum


class Quality(IntEnum):
    """What a device has against its readings."""

    UNCERTAIN = 2
    BAD = 3

    @property
    def word(self) -> str:
        """What it is called in JSON."""
        return self.name.lower()


#: Unspecified and good on the wire: nothing is known against such readings.
TRUSTED = frozenset((0, 1))
_DOUBTS = {int(quality): quality for quality in Quality}


def doubt(number: int) -> Quality | None:
    """Give what a number on the wire says against a reading; None: nothing.

    What a newer device says, in a word that we do not know, is taken for a doubt.
    """
    return None if number in TRUSTED else _DOUBTS.get(number, Quality.UNCERTAIN)
