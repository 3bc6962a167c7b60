"""Bounds of what one message may carry, and of what a reading may say.

Each bound is documented in `proto/` and crossed by a test.
"""

from datetime import UTC, datetime, timedelta

#: One message of a device, in bytes. The broker refuses far larger ones by itself.
MESSAGE_BYTES_MAX = 512 * 1024
#: Readings in one batch: a second of a 25 kHz accelerometer on two axes.
READING_COUNT_MAX = 65_536
#: Fields in one batch or announcement.
FIELD_COUNT_MAX = 256
#: Boot ids are 32 bits on the wire; 0 says that there is none.
BOOT_ID_MAX = 2**32 - 1
#: Batches of one boot: one a microsecond for 285 years.
SEQUENCE_MAX = 2**53
FIELD_NAME_PATTERN = r"[A-Za-z0-9_\-./:\[\]]{1,200}"
UNIT_LENGTH_MAX = 32
TEXT_LENGTH_MAX = 4_096
#: Integers above this magnitude are not exact as doubles (IEEE 754, 53-bit significand).
INTEGER_MAGNITUDE_MAX = 2**53
DECIMAL_EXPONENT_MAX = 15
#: A nominal sampling period of more than a year is a mistake.
PERIOD_US_MAX = 366 * 86_400 * 1_000_000

MODEL_LENGTH_MAX = 128
FIRMWARE_LENGTH_MAX = 64
DESCRIPTION_LENGTH_MAX = 256
SAMPLE_RATE_HZ_MAX = 10_000_000.0

#: What a device declares that it can do.
COMMAND_COUNT_MAX = 64
COMMAND_NAME_PATTERN = r"[a-z][a-z0-9_]{0,62}"
#: A JSON Schema of parameters, or of a configuration, as its device wrote it.
SCHEMA_BYTES_MAX = 16 * 1024
SCHEMA_DEPTH_MAX = 16
#: Silence of over a month cannot be told from the end.
REPORT_INTERVAL_MS_MAX = 31 * 86_400 * 1_000

COMMAND_ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
#: Parameters of a command, and the result of one, as compact JSON.
PARAMETERS_BYTES_MAX = 16 * 1024
RESULT_BYTES_MAX = 16 * 1024
#: Objects and lists inside each other in parameters, results and configurations.
DOCUMENT_DEPTH_MAX = 16
#: A configuration of one device, as compact JSON.
CONFIGURATION_BYTES_MAX = 64 * 1024
CONFIGURATION_HASH_LENGTH_MAX = 128
ERROR_LENGTH_MAX = 1_024

LOG_ENTRY_COUNT_MAX = 1_000
LOG_MESSAGE_LENGTH_MAX = 8_192
LOG_ATTRIBUTE_COUNT_MAX = 64
LOG_ATTRIBUTE_NAME_LENGTH_MAX = 128
LOG_ATTRIBUTE_VALUE_LENGTH_MAX = 1_024

EVENT_COUNT_MAX = 1_000
EVENT_TYPE_PATTERN = r"[A-Za-z0-9_\-.]{1,100}"
#: The data of one device event, as its device wrote it.
EVENT_DATA_BYTES_MAX = 16 * 1024
#: Objects and lists inside each other, the outermost included.
EVENT_DATA_DEPTH_MAX = 16

LOCATION_COUNT_MAX = 1_000
LATITUDE_DEG_MAX = 90.0
LONGITUDE_DEG_MAX = 180.0
#: Headings are below it: north is 0.
HEADING_DEG_END = 360.0

#: Devices without a clock report 1970 or 1980; no reading is that old.
OBSERVED_AT_MIN = datetime(2000, 1, 1, tzinfo=UTC)
OBSERVED_AT_US_MIN = int(OBSERVED_AT_MIN.timestamp()) * 1_000_000
#: How far a device's clock may run ahead of the broker's.
FUTURE_MAX = timedelta(days=1)
FUTURE_US_MAX = int(FUTURE_MAX.total_seconds()) * 1_000_000
