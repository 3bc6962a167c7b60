"""How the content of a dead letter is shown."""

from cli._dead_view import hex_dump


def test_a_dump_has_offset_bytes_and_characters() -> None:
    assert list(hex_dump(b"sensor.crane-7\x00\xffA\x1b")) == [
        "00000000  73 65 6e 73 6f 72 2e 63 72 61 6e 65 2d 37 00 ff  sensor.crane-7..",
        "00000010  41 1b                                            A.",
    ]


def test_nothing_has_no_dump() -> None:
    assert not list(hex_dump(b""))
