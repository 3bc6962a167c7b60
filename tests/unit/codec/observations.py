"""Device events and locations to encode: hypothesis strategies of anything valid."""

from hypothesis import strategies as st

from tests.unit.codec.batches import EXACT_INTEGERS, FINITE, INSTANTS
from weir.codec.json_text import compact_json
from weir.model.device_event import DeviceEvent
from weir.model.location import Fix, Location

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
EVENT_TYPES = st.from_regex(r"[A-Za-z0-9_\-.]{1,100}", fullmatch=True)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | EXACT_INTEGERS | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
JSON_OBJECTS = st.dictionaries(TEXTS, JSON_VALUES, max_size=4)

EVENTS = st.lists(
    st.builds(
        DeviceEvent,
        observed_at_us=INSTANTS,
        type=EVENT_TYPES,
        data=JSON_OBJECTS.map(compact_json),
    ),
    min_size=1,
    max_size=8,
).map(tuple)

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
LOCATIONS = st.lists(
    st.builds(
        Location,
        observed_at_us=INSTANTS,
        latitude_deg=st.floats(-90, 90),
        longitude_deg=st.floats(-180, 180),
        altitude_m=st.none() | SINGLES,
        speed_mps=st.none() | st.floats(0, width=32, allow_nan=False, allow_infinity=False),
        heading_deg=st.none() | st.floats(0, 360, width=32, exclude_max=True),
        fix=st.sampled_from(Fix),
    ),
    min_size=1,
    max_size=8,
).map(tuple)
