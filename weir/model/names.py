"""Names on the wire, spelled once: exchanges, queues, streams and routing keys.

The wire says `sensor`, the model says `device`. Queues follow `entity.id.consumer.type`.
"""

from functools import lru_cache

from weir.errors import WrongSerialError
from weir.model.serial import check_serial

#: Devices publish here; MQTT topic `a/b/c` is routing key `a.b.c`.
EXCHANGE = "iot"
#: Keeps what no binding of `iot` matches (alternate exchange, fanout).
UNROUTABLE_EXCHANGE = "iot.unroutable"
#: Spreads measurements, events and locations over the partitions by the hash of the routing key.
MEASUREMENTS_EXCHANGE = "iot.measurements"
#: Takes what a queue gives up: delivery limit or length limit (fanout).
DEAD_LETTER_EXCHANGE = "iot.dead"

REGISTRY_QUEUE = "sensor.all.registry.created"
REPLIES_QUEUE = "sensor.all.replies"
STATE_QUEUE = "sensor.all.state"
#: What was sent to devices, so that it is routed also when a device has no session yet.
CONTROL_STREAM = "sensor.all.control"
UNROUTABLE_QUEUE = "sensor.all.unroutable"
DEAD_LETTER_QUEUE = "sensor.all.dead_letters"
MEASUREMENTS_STREAM = "sensor.all.measurements.db_writer"
#: A stream, so that a flood of lines shortens it and never holds up what else a device publishes.
LOGS_STREAM = "sensor.all.logs"
#: Every domain event, in the order of the journal.
JOURNAL_STREAM = "journal.all"

MEASUREMENTS_BINDING = "sensor.*.measurements.#"
EVENTS_BINDING = "sensor.*.events.#"
LOCATIONS_BINDING = "sensor.*.locations.#"
REGISTRY_BINDING = "sensor.*.registry.#"
LOGS_BINDING = "sensor.*.logs.#"
REPLIES_BINDING = "sensor.*.replies.#"
STATE_BINDING = "sensor.*.state.#"
COMMANDS_BINDING = "sensor.*.commands.#"
CONFIG_BINDING = "sensor.*.config.#"
JOURNAL_BINDING = "journal.#"

#: On it a mark takes its turn among the replies. No device can publish there: `_` is no serial.
OVERDUE_MARK_KEY = "sensor._.replies"

PARTITION_COUNT_MAX = 64

#: Keys whose parts are remembered, about 400 bytes each: a device's are the same each time.
_KEY_CACHE_COUNT = 16_384

#: A device publishes these; `.replies.<command>` has one more level.
PUBLISHED_KINDS = (
    "measurements",
    "events",
    "locations",
    "registry",
    "logs",
    "replies",
    "state",
)
#: A device receives these; `.commands.<command>` has one more level.
RECEIVED_KINDS = ("commands", "config")


def partition_streams(partition_count: int) -> tuple[str, ...]:
    """Name the measurement streams of an installation, in partition order."""
    return tuple(f"{MEASUREMENTS_STREAM}.{index}" for index in range(partition_count))


def device_key(serial: str, kind: str) -> str:
    """Spell the routing key on which a device publishes `kind` (`measurements`, `logs`, ...)."""
    return f"sensor.{check_serial(serial)}.{kind}"


def device_topic(serial: str, kind: str) -> str:
    """Spell the MQTT topic on which a device publishes `kind`."""
    return f"sensor/{check_serial(serial)}/{kind}"


def journal_key(entity: str, type_: str) -> str:
    """Spell the routing key on which a domain event is published."""
    return f"journal.{entity}.{type_}"


def commands_queue(serial: str) -> str:
    """Name the queue on which a device that speaks AMQP gets its commands."""
    return f"sensor.{check_serial(serial)}.commands"


@lru_cache(_KEY_CACHE_COUNT)
def split_key(routing_key: str) -> tuple[str, str]:
    """Read serial and kind out of a device's routing key; the broker vouches for the serial.

    The kind is what a message is about, with its format: `measurements`, `logs.json`.

    Raises:
        WrongSerialError: the key is not a device's, or its second level is no serial.
    """
    levels = routing_key.split(".", 2)
    if len(levels) != 3 or levels[0] != "sensor":  # noqa: PLR2004 - sensor, serial, the rest
        raise WrongSerialError(f"not a device's routing key: {routing_key[:255]!r}")
    return check_serial(levels[1]), levels[2]


def serial_of(routing_key: str) -> str:
    """Read the serial out of a device's routing key: the broker vouches for it.

    Raises:
        WrongSerialError: the key is not a device's, or its second level is no serial.
    """
    return split_key(routing_key)[0]
