"""Fetch one document over HTTP, bounded in time and size, with errors that say what to look at."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from producers.drivers._answers import ANSWER_BYTES_MAX, load, undecodable
from weir.errors import ConfigError, DeviceUnavailableError

TIMEOUT_S_MAX = 300.0
HEADER_COUNT_MAX = 32
_TEXT_LENGTH_MAX = 2_048
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_SUCCEEDED = range(200, 300)

_Text = Annotated[str, StringConstraints(max_length=_TEXT_LENGTH_MAX)]


class Credentials(BaseModel):
    """What is shown to the device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["basic", "digest", "bearer"] = Field(
        "basic", description="user and password (RFC 7617, RFC 7616), or a token (RFC 6750)"
    )
    username: _Text = Field("", description="for basic and digest")
    password: SecretStr = Field(
        SecretStr(""), max_length=_TEXT_LENGTH_MAX, description="for basic and digest"
    )
    token: SecretStr = Field(SecretStr(""), max_length=_TEXT_LENGTH_MAX, description="for bearer")


class HttpSource(BaseModel):
    """Where a document is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        max_length=_TEXT_LENGTH_MAX, pattern=r"^https?://[^\s/]+", description="http:// or https://"
    )
    headers: dict[_Text, _Text] = Field(
        {}, max_length=HEADER_COUNT_MAX, description="sent with each request"
    )
    credentials: Credentials | None = Field(None, description="absent: none are shown")
    ca_file: str | None = Field(
        None, max_length=_TEXT_LENGTH_MAX, description="certificates to trust, PEM; absent: usual"
    )
    timeout_s: float = Field(5.0, gt=0, le=TIMEOUT_S_MAX, description="for one whole answer")


class HttpClient:
    """A connection to one device, kept open between polls.

    Raises:
        ConfigError: the certificates cannot be read.
    """

    def __init__(self, driver: str, source: HttpSource) -> None:
        self._httpx = load(driver, "httpx", "edge")
        self._source = source
        headers = dict(source.headers)
        credentials = source.credentials
        auth: Any = None
        if credentials is not None:
            password = credentials.password.get_secret_value()
            match credentials.method:
                case "bearer":
                    headers["Authorization"] = f"Bearer {credentials.token.get_secret_value()}"
                case "digest":
                    auth = self._httpx.DigestAuth(credentials.username, password)
                case "basic":
                    auth = self._httpx.BasicAuth(credentials.username, password)
        self._client = self._httpx.AsyncClient(
            auth=auth,
            headers=headers,
            timeout=source.timeout_s,
            verify=_trusted(source),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def get(self, url: str = "", parameters: Mapping[str, str] | None = None) -> bytes:
        """Fetch `url`, the source's when empty.

        Raises:
            DeviceUnavailableError: no answer in time, or one that is not a success.
            DecodeError: the answer is too large.
        """
        url = url or self._source.url
        body = bytearray()
        try:
            async with self._client.stream("GET", url, params=parameters) as response:
                if response.status_code not in _SUCCEEDED:
                    raise self._refused(url, response)
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise undecodable(
                            f"an answer of over {ANSWER_BYTES_MAX} bytes", bytes(body)
                        )
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise DeviceUnavailableError(f"{_without_secrets(url)}: {reason}") from error
        return bytes(body)

    def _refused(self, url: str, response: Any) -> DeviceUnavailableError:
        status = response.status_code
        advice = ": look at `credentials`" if status in {_UNAUTHORIZED, _FORBIDDEN} else ""
        said = f"{status} {response.reason_phrase}".strip()
        return DeviceUnavailableError(f"{_without_secrets(url)} answered {said}{advice}")


def _trusted(source: HttpSource) -> ssl.SSLContext | bool:
    if urlsplit(source.url).scheme == "http":
        # Reading the usual certificates takes a tenth of a second.
        return False
    if source.ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=source.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file {source.ca_file}: {error}") from error


def _without_secrets(url: str) -> str:
    """Leave out user, password and query, where keys may be."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
