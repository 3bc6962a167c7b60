"""Read any device that answers JSON over HTTP: inverters, chargers, relays, weather stations.

Source of the paths: RFC 9535, "JSONPath: Query Expressions for JSON".
"""

import random

from pydantic import Field

from producers.drivers._answers import at_present, quoting
from producers.drivers._http import HttpClient, HttpSource
from producers.drivers._mapping import FieldMap, Fields
from weir.codec.encode import Value
from weir.codec.json_text import parse_json
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.announcement import FieldDescription


class HttpJsonConfiguration(HttpSource, DriverConfiguration):
    """Where the document is, and what in it is a field."""

    fields: Fields = Field({})


class HttpJson(Driver[HttpJsonConfiguration]):
    """One document with the present state, fetched at each poll."""

    name = "http_json"
    model = "http-json-1"
    configuration_class = HttpJsonConfiguration

    def __init__(self, configuration: HttpJsonConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._map = FieldMap(self.name, configuration.fields)
        self._client = HttpClient(self.name, configuration)

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The configured fields; without any, those that were answered until now."""
        return self._map.descriptions

    async def read(self, poll: Poll) -> Polled:
        """Fetch the document and take the fields out of it.

        Raises:
            DecodeError: not JSON, or a field is missing.
            DeviceUnavailableError: no answer, or one that is not a success.
        """
        return Polled(at_present(poll, decode(await self._client.get(), self._map)))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def decode(answer: bytes, fields: FieldMap) -> dict[str, Value]:
    """Take the fields' values out of a JSON answer.

    Raises:
        DecodeError: not JSON, or a field is missing; quotes the answer.
    """
    with quoting(answer):
        try:
            return fields.values(parse_json(answer))
        except ImplausibleReadingError as error:
            raise DecodeError(str(error)) from error
