"""What a device says in JSON decodes to what it would say in protobuf."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import NOW_US, SERIAL, Draft, decode, drafts
from tests.unit.codec.observations import EVENTS, LOCATIONS
from tests.unit.codec.test_device_log import ENTRIES
from tests.unit.codec.test_registry import ANNOUNCEMENTS
from tests.unit.codec.twins import (
    SPELLINGS,
    columns_form,
    events_form,
    locations_form,
    plain,
    readings_form,
    spell,
    to_json,
)
from weir.codec.device_event import decode_events, encode_events
from weir.codec.device_log import decode_logs, encode_logs
from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements
from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.json_forms.events import decode_events_json
from weir.codec.json_forms.locations import decode_locations_json
from weir.codec.json_forms.logs import decode_logs_json
from weir.codec.json_forms.measurements import decode_header_json, decode_measurements_json
from weir.codec.location import decode_locations, encode_locations
from weir.codec.measurement import MeasurementBatch, decode_header
from weir.codec.registry import decode_announcement, encode_announcement
from weir.model.announcement import Announcement
from weir.model.device_event import DeviceEvent
from weir.model.device_log import LogEntry
from weir.model.location import Location

BOOT_IDS = st.integers(0, 2**32 - 1)


def decode_json(body: bytes) -> MeasurementBatch:
    return decode_measurements_json(body, SERIAL, NOW_US)


def plausible_clock(draft: Draft) -> Draft:
    """Bound the clock's difference: JSON gives it as a time of its own."""
    clock_us = draft.header.sent_after_us % 10**15
    return replace(draft, header=replace(draft.header, sent_after_us=clock_us))


@given(drafts(count_max=80).map(plausible_clock), SPELLINGS)
def test_columns_are_the_same_batch(draft: Draft, spelling: str) -> None:
    body = columns_form(draft, spelling)

    assert plain(decode(draft.encode())) == plain(decode_json(body))
    assert decode_header(draft.encode()) == decode_header_json(body)


@given(drafts(count_max=80).map(plausible_clock), SPELLINGS)
def test_readings_are_the_same_readings(draft: Draft, spelling: str) -> None:
    # Two columns of one field become one, so compare what is in them.
    in_protobuf, in_json = decode(draft.encode()), decode_json(readings_form(draft, spelling))

    assert contents(in_protobuf) == contents(in_json)
    assert in_protobuf.reading_count == in_json.reading_count
    assert in_protobuf.sent_after_us == in_json.sent_after_us


def contents(batch: MeasurementBatch) -> list[tuple[str, str, int, bool, float | str]]:
    return sorted(
        (column.name, column.unit, int(instant), isinstance(value, str), value)
        for column in plain(batch).columns
        for instant, value in zip(
            column.observed_at_us, [*column.numbers, *column.texts], strict=True
        )
    )


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,9}", fullmatch=True),
        st.integers(-(2**53), 2**53) | st.booleans() | st.text("abc", max_size=9),
        min_size=1,
        max_size=9,
    ),
    SPELLINGS,
)
def test_one_instant_is_the_same_batch(values: dict[str, Value], spelling: str) -> None:
    fields = [FieldReadings(name, [NOW_US], [value]) for name, value in values.items()]
    in_protobuf = decode(encode_measurements(BatchHeader(boot_id=3, sequence=9), fields))

    form = {"boot_id": 3, "sequence": 9, "time": spell(NOW_US, spelling), "values": values}

    assert plain(in_protobuf) == plain(decode_json(to_json(form)))


@given(EVENTS, BOOT_IDS, SPELLINGS)
def test_events_are_the_same(events: tuple[DeviceEvent, ...], boot_id: int, spelling: str) -> None:
    in_protobuf = decode_events(encode_events(events, boot_id=boot_id), SERIAL, NOW_US)

    assert in_protobuf == decode_events_json(events_form(events, boot_id, spelling), SERIAL, NOW_US)


@given(LOCATIONS, BOOT_IDS, SPELLINGS)
def test_locations_are_the_same(
    locations: tuple[Location, ...], boot_id: int, spelling: str
) -> None:
    in_protobuf = decode_locations(encode_locations(locations, boot_id=boot_id), SERIAL, NOW_US)

    assert in_protobuf == decode_locations_json(
        locations_form(locations, boot_id, spelling), SERIAL, NOW_US
    )


@given(ANNOUNCEMENTS)
def test_announcements_are_the_same(announcement: Announcement) -> None:
    form = {
        "serial": announcement.serial,
        "model": announcement.model,
        "firmware": announcement.firmware,
        "fields": [
            {
                "name": field.name,
                "unit": field.unit,
                "description": field.description,
                "kind": field.kind,
            }
            for field in announcement.fields
        ],
        "sample_rate_hz": announcement.sample_rate_hz,
        "boot_id": announcement.boot_id,
        "device_time": "2026-01-01T00:00:00Z",
    }

    assert decode_announcement(
        encode_announcement(announcement), SERIAL
    ) == decode_announcement_json(to_json(form), SERIAL)


@given(st.lists(ENTRIES, min_size=1, max_size=10), BOOT_IDS)
def test_log_lines_are_the_same(entries: list[LogEntry], boot_id: int) -> None:
    entries = [replace(entry, logged_at_us=entry.logged_at_us % 2**53) for entry in entries]
    form = {
        "boot_id": boot_id,
        "entries": [
            {
                "time": entry.logged_at_us,
                "level": entry.level,
                "message": entry.message,
                "attributes": entry.attributes,
            }
            for entry in entries
        ],
    }

    assert decode_logs(encode_logs(entries), SERIAL) == decode_logs_json(to_json(form), SERIAL)
