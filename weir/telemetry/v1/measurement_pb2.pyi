from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_APPEND: _ClassVar[Mode]
    MODE_CORRECTION: _ClassVar[Mode]
    MODE_DELETION: _ClassVar[Mode]

class Quality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_UNSPECIFIED: _ClassVar[Quality]
    QUALITY_GOOD: _ClassVar[Quality]
    QUALITY_UNCERTAIN: _ClassVar[Quality]
    QUALITY_BAD: _ClassVar[Quality]
MODE_UNSPECIFIED: Mode
MODE_APPEND: Mode
MODE_CORRECTION: Mode
MODE_DELETION: Mode
QUALITY_UNSPECIFIED: Quality
QUALITY_GOOD: Quality
QUALITY_UNCERTAIN: Quality
QUALITY_BAD: Quality

class Batch(_message.Message):
    __slots__ = ("serial", "boot_id", "sequence", "sent_after_us", "mode", "time_columns", "fields", "deletion_id")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SENT_AFTER_US_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TIME_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    DELETION_ID_FIELD_NUMBER: _ClassVar[int]
    serial: str
    boot_id: int
    sequence: int
    sent_after_us: int
    mode: Mode
    time_columns: _containers.RepeatedCompositeFieldContainer[TimeColumn]
    fields: _containers.RepeatedCompositeFieldContainer[Field]
    deletion_id: bytes
    def __init__(self, serial: _Optional[str] = ..., boot_id: _Optional[int] = ..., sequence: _Optional[int] = ..., sent_after_us: _Optional[int] = ..., mode: _Optional[_Union[Mode, str]] = ..., time_columns: _Optional[_Iterable[_Union[TimeColumn, _Mapping]]] = ..., fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., deletion_id: _Optional[bytes] = ...) -> None: ...

class TimeColumn(_message.Message):
    __slots__ = ("start_us", "period_us", "tick_us", "deltas")
    START_US_FIELD_NUMBER: _ClassVar[int]
    PERIOD_US_FIELD_NUMBER: _ClassVar[int]
    TICK_US_FIELD_NUMBER: _ClassVar[int]
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    start_us: int
    period_us: int
    tick_us: int
    deltas: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, start_us: _Optional[int] = ..., period_us: _Optional[int] = ..., tick_us: _Optional[int] = ..., deltas: _Optional[_Iterable[int]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("name", "unit", "quality", "time_column", "doubles", "floats", "integers", "decimals", "bools", "texts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    TIME_COLUMN_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    FLOATS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    BOOLS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    quality: Quality
    time_column: int
    doubles: DoubleColumn
    floats: FloatColumn
    integers: IntegerColumn
    decimals: DecimalColumn
    bools: BoolColumn
    texts: TextColumn
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., quality: _Optional[_Union[Quality, str]] = ..., time_column: _Optional[int] = ..., doubles: _Optional[_Union[DoubleColumn, _Mapping]] = ..., floats: _Optional[_Union[FloatColumn, _Mapping]] = ..., integers: _Optional[_Union[IntegerColumn, _Mapping]] = ..., decimals: _Optional[_Union[DecimalColumn, _Mapping]] = ..., bools: _Optional[_Union[BoolColumn, _Mapping]] = ..., texts: _Optional[_Union[TextColumn, _Mapping]] = ...) -> None: ...

class DoubleColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class FloatColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class IntegerColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class DecimalColumn(_message.Message):
    __slots__ = ("steps", "exponent")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedScalarFieldContainer[int]
    exponent: int
    def __init__(self, steps: _Optional[_Iterable[int]] = ..., exponent: _Optional[int] = ...) -> None: ...

class BoolColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, values: _Optional[_Iterable[bool]] = ...) -> None: ...

class TextColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...
