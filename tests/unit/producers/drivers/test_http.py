"""Fetching over HTTP: what is shown to the device, what it may answer, how errors read."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from producers.drivers._answers import ANSWER_BYTES_MAX
from producers.drivers.http_json import HttpJson, HttpJsonConfiguration
from weir.driver import Poll
from weir.errors import ConfigError, DecodeError, DeviceUnavailableError

POLL = Poll(1_795_248_000_000_000, 1_795_248_001_000_000)


@contextmanager
def device(
    status: int = 200, body: bytes = b'{"a": 1}', silent: bool = False
) -> Iterator[tuple[str, list[Any]]]:
    """Run a device; gives its address and the headers of what it was asked."""
    asked: list[Any] = []
    over = threading.Event()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers)
            if silent:
                over.wait(20)
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/state", asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()


async def read(url: str, **settings: Any) -> dict[str, Any]:
    configuration = HttpJsonConfiguration.model_validate({"url": url, **settings})
    driver = HttpJson(configuration, random.Random(1))
    try:
        return {item.name: item.values[0] for item in (await driver.read(POLL)).readings}
    finally:
        await driver.close()


@pytest.mark.parametrize(
    ("credentials", "shown"),
    [
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"method": "bearer", "token": "t"}, "Bearer t"),
        (None, None),
    ],
)
async def test_credentials_and_headers_are_shown(credentials: Any, shown: str | None) -> None:
    with device() as (url, asked):
        assert {"a": 1} == await read(url, credentials=credentials, headers={"X-Key": "k"})
    assert (shown, "k") == (asked[0]["Authorization"], asked[0]["X-Key"])


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, b"", DeviceUnavailableError, "answered 401 Unauthorized: look at `credentials`"),
        (503, b"", DeviceUnavailableError, "answered 503 Service Unavailable$"),
        (302, b"", DeviceUnavailableError, "answered 302"),
        (200, b"<html>", DecodeError, "not JSON.*6 bytes: b'<html>'"),
        (200, b" " * (ANSWER_BYTES_MAX + 1), DecodeError, "an answer of over 1048576 bytes"),
    ],
)
async def test_what_a_device_answers_wrongly_is_said(
    status: int, body: bytes, error: type[Exception], said: str
) -> None:
    with device(status, body) as (url, _), pytest.raises(error, match=said):
        await read(url)


async def test_a_device_that_is_silent_is_given_up() -> None:
    with (
        device(silent=True) as (url, _),
        pytest.raises(DeviceUnavailableError, match="ReadTimeout"),
    ):
        await read(url, timeout_s=0.3)


async def test_a_device_that_is_not_there_is_named_without_secrets() -> None:
    with pytest.raises(DeviceUnavailableError) as caught:
        await read("http://user:hunter2@127.0.0.1:1/state?key=hunter3")
    assert str(caught.value).startswith("http://127.0.0.1:1/state: ")
    assert "hunter" not in str(caught.value)


async def test_certificates_that_are_not_there_are_named() -> None:
    with pytest.raises(ConfigError, match="ca_file /no/such/file"):
        await read("https://127.0.0.1/", ca_file="/no/such/file")
