from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Fix(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIX_UNSPECIFIED: _ClassVar[Fix]
    FIX_NONE: _ClassVar[Fix]
    FIX_2D: _ClassVar[Fix]
    FIX_3D: _ClassVar[Fix]
    FIX_DIFFERENTIAL: _ClassVar[Fix]
FIX_UNSPECIFIED: Fix
FIX_NONE: Fix
FIX_2D: Fix
FIX_3D: Fix
FIX_DIFFERENTIAL: Fix

class EventBatch(_message.Message):
    __slots__ = ("serial", "boot_id", "events")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    serial: str
    boot_id: int
    events: _containers.RepeatedCompositeFieldContainer[DeviceEvent]
    def __init__(self, serial: _Optional[str] = ..., boot_id: _Optional[int] = ..., events: _Optional[_Iterable[_Union[DeviceEvent, _Mapping]]] = ...) -> None: ...

class DeviceEvent(_message.Message):
    __slots__ = ("observed_at_us", "type", "data_json")
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_JSON_FIELD_NUMBER: _ClassVar[int]
    observed_at_us: int
    type: str
    data_json: bytes
    def __init__(self, observed_at_us: _Optional[int] = ..., type: _Optional[str] = ..., data_json: _Optional[bytes] = ...) -> None: ...

class LocationBatch(_message.Message):
    __slots__ = ("serial", "boot_id", "locations")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    serial: str
    boot_id: int
    locations: _containers.RepeatedCompositeFieldContainer[Location]
    def __init__(self, serial: _Optional[str] = ..., boot_id: _Optional[int] = ..., locations: _Optional[_Iterable[_Union[Location, _Mapping]]] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("observed_at_us", "latitude_deg", "longitude_deg", "altitude_m", "speed_mps", "heading_deg", "fix")
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    ALTITUDE_M_FIELD_NUMBER: _ClassVar[int]
    SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
    HEADING_DEG_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    observed_at_us: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    speed_mps: float
    heading_deg: float
    fix: Fix
    def __init__(self, observed_at_us: _Optional[int] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., altitude_m: _Optional[float] = ..., speed_mps: _Optional[float] = ..., heading_deg: _Optional[float] = ..., fix: _Optional[_Union[Fix, str]] = ...) -> None: ...
