from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_GAUGE: _ClassVar[Kind]
    KIND_TOTAL: _ClassVar[Kind]
    KIND_TOTAL_INCREASING: _ClassVar[Kind]
KIND_UNSPECIFIED: Kind
KIND_GAUGE: Kind
KIND_TOTAL: Kind
KIND_TOTAL_INCREASING: Kind

class Announcement(_message.Message):
    __slots__ = ("serial", "model", "firmware", "fields", "sample_rate_hz", "boot_id", "device_clock_us", "commands", "configuration_schema", "report_interval_ms")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FIRMWARE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_CLOCK_US_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    REPORT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    serial: str
    model: str
    firmware: str
    fields: _containers.RepeatedCompositeFieldContainer[FieldDescription]
    sample_rate_hz: float
    boot_id: int
    device_clock_us: int
    commands: _containers.RepeatedCompositeFieldContainer[CommandDescription]
    configuration_schema: str
    report_interval_ms: int
    def __init__(self, serial: _Optional[str] = ..., model: _Optional[str] = ..., firmware: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[FieldDescription, _Mapping]]] = ..., sample_rate_hz: _Optional[float] = ..., boot_id: _Optional[int] = ..., device_clock_us: _Optional[int] = ..., commands: _Optional[_Iterable[_Union[CommandDescription, _Mapping]]] = ..., configuration_schema: _Optional[str] = ..., report_interval_ms: _Optional[int] = ...) -> None: ...

class FieldDescription(_message.Message):
    __slots__ = ("name", "unit", "description", "kind", "writable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WRITABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    description: str
    kind: Kind
    writable: bool
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., description: _Optional[str] = ..., kind: _Optional[_Union[Kind, str]] = ..., writable: _Optional[bool] = ...) -> None: ...

class CommandDescription(_message.Message):
    __slots__ = ("name", "description", "parameters_schema")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    parameters_schema: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., parameters_schema: _Optional[str] = ...) -> None: ...
