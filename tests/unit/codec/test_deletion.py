"""A deletion is only named on the wire."""

from uuid import UUID

import pytest

from weir.codec.encode import encode_deletion
from weir.codec.telemetry import count_rows, decode_telemetry
from weir.errors import DecodeError, WrongSerialError
from weir.model.deletion import Deletion
from weir.telemetry.v1.measurement_pb2 import MODE_DELETION, Batch, Field

ID = UUID("12345678-9abc-4def-8123-456789abcdef")
NOW_US = 1_790_000_000_000_000


def test_a_deletion_comes_back_with_its_name() -> None:
    decoded = decode_telemetry("measurements", encode_deletion(ID), "pump-1", NOW_US)
    assert Deletion("pump-1", NOW_US, ID) == decoded
    assert 1 == count_rows(decoded)


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        pytest.param(Batch(mode=MODE_DELETION), DecodeError, id="no name"),
        pytest.param(Batch(mode=MODE_DELETION, deletion_id=b"x" * 15), DecodeError, id="short"),
        pytest.param(
            Batch(mode=MODE_DELETION, deletion_id=ID.bytes, fields=[Field(name="x")]),
            DecodeError,
            id="with readings",
        ),
        pytest.param(
            Batch(mode=MODE_DELETION, deletion_id=ID.bytes, serial="pump-2"),
            WrongSerialError,
            id="of another device",
        ),
    ],
)
def test_a_deletion_that_is_not_one_is_refused(batch: Batch, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_telemetry("measurements", batch.SerializeToString(), "pump-1", NOW_US)
