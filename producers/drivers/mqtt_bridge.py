"""Take over what other devices publish on another MQTT broker: Zigbee gateways, relays, meters.

Messages are JSON, or one bare value. The broker keeps what comes while we are away, as it does for
any persistent session (MQTT 3.1.1, section 3.1.2.4), and sends it with QoS 1.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from producers.drivers import http_json
from producers.drivers._answers import quoting
from producers.drivers._mapping import FieldMap, Fields
from producers.drivers._values import field_name, truth, value_of
from weir.codec.encode import FieldReadings, Value
from weir.codec.json_text import compact_json
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import DecodeError, DeviceUnavailableError
from weir.model.announcement import FieldDescription
from weir.model.device_event import DeviceEvent
from weir.model.limits import FIELD_COUNT_MAX
from weir.model.serial import SERIAL_PATTERN

SUBSCRIPTION_COUNT_MAX = 64
TOPIC_LENGTH_MAX = 1_024
MESSAGE_BYTES_MAX = 64 * 1024
#: Messages between two polls; of more, the oldest are dropped, and a device event says how many.
MESSAGE_COUNT_MAX = 10_000
#: Device events of one poll about messages that are not understood.
REFUSED_EVENT_COUNT_MAX = 20
WAIT_S_MAX = 60.0
_TEXT_LENGTH_MAX = 1_024
#: Of a topic, in a device event.
_SHOWN_LENGTH_MAX = 200

_Text = Annotated[str, StringConstraints(max_length=_TEXT_LENGTH_MAX)]
_SECOND_US = 1_000_000


class Subscription(BaseModel):
    """Topics whose messages look alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(
        min_length=1, max_length=TOPIC_LENGTH_MAX, description="a topic filter; + and # as in MQTT"
    )
    format: Literal["json", "text"] = Field("json", description="text: one value, nothing around")
    names: Literal["plain", "topic"] = Field(
        "plain", description="topic: fields are called TOPIC.FIELD, with dots for its slashes"
    )
    fields: Fields = Field({})


class MqttBridgeConfiguration(DriverConfiguration):
    """Which broker, which topics, and what in their messages is a field."""

    url: str = Field(
        pattern=r"^mqtts?://[^\s/@]+$", max_length=_TEXT_LENGTH_MAX, description="mqtt://host:1883"
    )
    client_id: str = Field(
        "weir-bridge", pattern=f"^{SERIAL_PATTERN}$", description="who we are there; nobody else is"
    )
    username: _Text = Field("", description="none: the client id")
    password: SecretStr = Field(SecretStr(""), max_length=_TEXT_LENGTH_MAX, description="there")
    ca_file: _Text | None = Field(
        None, description="certificates to trust with mqtts, PEM; absent: usual"
    )
    subscriptions: tuple[Subscription, ...] = Field(
        min_length=1, max_length=SUBSCRIPTION_COUNT_MAX, description="the first that fits counts"
    )
    times: Literal["arrival", "poll"] = Field(
        "arrival", description="poll: the last value of each field, with the time of the poll"
    )
    wait_s: float = Field(
        1.0,
        ge=0,
        le=WAIT_S_MAX,
        description="the first poll waits so long for a message",
    )


@dataclass(frozen=True, slots=True)
class _Arrived:
    topic: str
    body: bytes
    #: By the clock of the event loop.
    at_s: float


class MqttBridge(Driver[MqttBridgeConfiguration]):
    """Topics of another broker as one device.

    Raises:
        ConfigError: a path or a file that is none.
    """

    name = "mqtt_bridge"
    model = "mqtt-bridge-1"
    configuration_class = MqttBridgeConfiguration

    def __init__(self, configuration: MqttBridgeConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._maps = [FieldMap(self.name, each.fields) for each in configuration.subscriptions]
        self._waiting: deque[_Arrived] = deque(maxlen=MESSAGE_COUNT_MAX)
        self._dropped_count = 0
        self._has_come = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._seen: dict[str, FieldDescription] = {}
        #: No later reading of a field may be older than its last.
        self._last_us: dict[str, int] = {}

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The configured fields, and those of messages that came until now."""
        plain = {
            field.name: field
            for each, fields in zip(self.configuration.subscriptions, self._maps, strict=True)
            if each.names == "plain"
            for field in fields.descriptions
        }
        return tuple({**plain, **self._seen}.values())

    async def read(self, poll: Poll) -> Polled:
        """Give what has come since the poll before.

        Messages that are not understood become device events, and do not take others with them.

        Raises:
            DeviceUnavailableError: the broker is away, or refuses us.
        """
        if self._listening is None:
            self._has_come.clear()
            self._listening = asyncio.create_task(self._listen())
            waiting = asyncio.create_task(self._has_come.wait())
            await asyncio.wait(
                {self._listening, waiting},
                timeout=self.configuration.wait_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            waiting.cancel()
        if self._listening.done() and not self._waiting:
            failure = self._listening.exception()
            self._listening = None
            raise DeviceUnavailableError(str(failure)) from failure
        return self._take(poll)

    async def close(self) -> None:
        """Leave the broker; it keeps what comes from now on for the next time."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        from weir.mqtt.address import MqttAddress
        from weir.mqtt.connection import open_connection
        from weir.mqtt.tls import TlsFiles, make_context

        configuration = self.configuration
        address = replace(
            MqttAddress.of_device(configuration.url, configuration.client_id),
            username=configuration.username or configuration.client_id,
            password=configuration.password.get_secret_value(),
        )
        ca_file = None if configuration.ca_file is None else Path(configuration.ca_file)
        tls = make_context(TlsFiles(ca=ca_file)) if address.is_tls else None
        loop = asyncio.get_running_loop()
        async with open_connection(address, tls=tls) as connection:
            await connection.subscribe(*(each.topic for each in configuration.subscriptions))
            async for message in connection.receive():
                if len(self._waiting) == MESSAGE_COUNT_MAX:
                    self._dropped_count += 1
                self._waiting.append(_Arrived(message.topic, message.body, loop.time()))
                self._has_come.set()

    def _take(self, poll: Poll) -> Polled:
        now_s = asyncio.get_running_loop().time()
        events: list[DeviceEvent] = []
        columns: dict[str, dict[int, Value]] = {}
        while self._waiting:
            arrived = self._waiting.popleft()
            at_us = self._time_us(arrived, poll, now_s)
            try:
                values = self._decode(arrived)
            except DecodeError as error:
                events.append(
                    _event(
                        at_us, "message_refused", f"{arrived.topic[:_SHOWN_LENGTH_MAX]}: {error}"
                    )
                )
                continue
            for name, value in values.items():
                column = columns.setdefault(name, {})
                # Two messages of one moment are a microsecond apart: each is a reading.
                last_us = self._last_us.get(name, 0)
                place = at_us if self.configuration.times == "poll" else max(at_us, last_us + 1)
                column[place] = value
                self._last_us[name] = place
        if len(events) > REFUSED_EVENT_COUNT_MAX:
            more = f"{len(events) - REFUSED_EVENT_COUNT_MAX} more"
            events[REFUSED_EVENT_COUNT_MAX:] = [_event(poll.end_us, "messages_refused", more)]
        if self._dropped_count:
            dropped = f"{self._dropped_count} came faster than polls take them"
            events.append(_event(poll.end_us, "messages_dropped", dropped))
            self._dropped_count = 0
        readings = [
            FieldReadings(name, list(column), list(column.values()))
            for name, column in columns.items()
        ]
        return Polled(readings, events)

    def _time_us(self, arrived: _Arrived, poll: Poll, now_s: float) -> int:
        if self.configuration.times == "poll":
            return poll.end_us
        ago_us = round((now_s - arrived.at_s) * _SECOND_US)
        return max(poll.start_us, poll.end_us - ago_us)

    def _decode(self, arrived: _Arrived) -> dict[str, Value]:
        subscriptions = zip(self.configuration.subscriptions, self._maps, strict=True)
        found = next((each for each in subscriptions if fits(each[0].topic, arrived.topic)), None)
        if found is None:
            # The session still has what an earlier configuration has asked for.
            return {}
        subscription, fields = found
        if len(arrived.body) > MESSAGE_BYTES_MAX:
            raise DecodeError(f"{len(arrived.body)} bytes, at most {MESSAGE_BYTES_MAX} are read")
        if subscription.format == "json":
            values = http_json.decode(arrived.body, fields)
        else:
            values = decode_text(arrived.body, fields)
        known = {field.name: field for field in fields.descriptions}
        named: dict[str, Value] = {}
        for plain, value in values.items():
            name = plain
            if subscription.names == "topic":
                topic = arrived.topic.replace("/", ".").strip(".")
                name = field_name(topic if plain == "value" else f"{topic}.{plain}")
            if name not in self._seen and len(self._seen) >= FIELD_COUNT_MAX:
                raise DecodeError(f"over {FIELD_COUNT_MAX} fields: subscribe to fewer topics")
            self._seen.setdefault(name, replace(known[plain], name=name))
            named[name] = value
        return named


def decode_text(body: bytes, fields: FieldMap) -> dict[str, Value]:
    """Read a message that is one value; its field is called `value`, or as configured.

    Raises:
        DecodeError: not UTF-8, or not one value; quotes the message.
    """
    with quoting(body):
        try:
            value = value_of(truth(body.decode("utf-8").strip()), "value")
        except UnicodeDecodeError as error:
            raise DecodeError(f"not UTF-8: {error}") from error
        return fields.values(value)


def fits(topic_filter: str, topic: str) -> bool:
    """Tell whether a topic is one of a filter's (MQTT 3.1.1, section 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)


def _event(at_us: int, kind: str, reason: str) -> DeviceEvent:
    return DeviceEvent(at_us, kind, compact_json({"reason": reason}))
