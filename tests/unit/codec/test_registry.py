"""Announcements: carried unchanged, and bounded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import FIELD_NAMES, SERIAL
from weir.codec.registry import decode_announcement, encode_announcement
from weir.errors import DecodeError, ImplausibleReadingError, OversizeError, WrongSerialError
from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.model.limits import (
    DESCRIPTION_LENGTH_MAX,
    FIELD_COUNT_MAX,
    FIRMWARE_LENGTH_MAX,
    MESSAGE_BYTES_MAX,
    MODEL_LENGTH_MAX,
    SAMPLE_RATE_HZ_MAX,
    UNIT_LENGTH_MAX,
)
from weir.telemetry.v1 import registry_pb2 as wire


def texts(length_max: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=length_max)


FIELDS = st.builds(
    FieldDescription,
    name=FIELD_NAMES,
    unit=texts(UNIT_LENGTH_MAX),
    description=texts(DESCRIPTION_LENGTH_MAX),
    kind=st.sampled_from(Kind),
)
ANNOUNCEMENTS = st.builds(
    Announcement,
    serial=st.just(SERIAL),
    model=texts(MODEL_LENGTH_MAX),
    firmware=texts(FIRMWARE_LENGTH_MAX),
    fields=st.lists(FIELDS, max_size=5, unique_by=lambda field: field.name).map(tuple),
    sample_rate_hz=st.floats(0, SAMPLE_RATE_HZ_MAX),
    boot_id=st.integers(0, 2**32 - 1),
)


@given(ANNOUNCEMENTS)
def test_an_announcement_survives_the_wire(announcement: Announcement) -> None:
    assert announcement == decode_announcement(encode_announcement(announcement), SERIAL)


@pytest.mark.parametrize(
    "message",
    [
        wire.Announcement(model="x" * (MODEL_LENGTH_MAX + 1)),
        wire.Announcement(firmware="x" * (FIRMWARE_LENGTH_MAX + 1)),
        wire.Announcement(
            fields=[wire.FieldDescription(name=f"f{n}") for n in range(FIELD_COUNT_MAX + 1)]
        ),
        wire.Announcement(
            fields=[wire.FieldDescription(name="x", description="x" * (DESCRIPTION_LENGTH_MAX + 1))]
        ),
        wire.Announcement(
            fields=[wire.FieldDescription(name="x", unit="x" * (UNIT_LENGTH_MAX + 1))]
        ),
        wire.Announcement(model="x" * MESSAGE_BYTES_MAX),
    ],
)
def test_too_much_is_oversize(message: wire.Announcement) -> None:
    with pytest.raises(OversizeError):
        decode_announcement(message.SerializeToString(), SERIAL)


@pytest.mark.parametrize(
    "message",
    [
        wire.Announcement(sample_rate_hz=-1),
        wire.Announcement(sample_rate_hz=SAMPLE_RATE_HZ_MAX * 1.01),
        wire.Announcement(sample_rate_hz=math.nan),
        wire.Announcement(sample_rate_hz=math.inf),
        wire.Announcement(model="a\0"),
        wire.Announcement(fields=[wire.FieldDescription()]),
        wire.Announcement(fields=[wire.FieldDescription(name="x")] * 2),
    ],
)
def test_what_cannot_be_is_implausible(message: wire.Announcement) -> None:
    with pytest.raises(ImplausibleReadingError):
        decode_announcement(message.SerializeToString(), SERIAL)


def test_an_unknown_kind_of_field_is_a_gauge() -> None:
    message = wire.Announcement(
        fields=[wire.FieldDescription(name="x", kind=99)]  # type: ignore[arg-type] # on purpose
    )
    announcement = decode_announcement(message.SerializeToString(), SERIAL)
    assert announcement.fields[0].kind is Kind.GAUGE


def test_another_serial_and_other_bytes_are_refused() -> None:
    with pytest.raises(WrongSerialError):
        decode_announcement(wire.Announcement(serial="other").SerializeToString(), SERIAL)
    with pytest.raises(DecodeError):
        decode_announcement(b"\xff", SERIAL)
