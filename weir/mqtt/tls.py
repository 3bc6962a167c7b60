"""Whom a device trusts, and what it shows of itself, where the broker speaks TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from weir.errors import ConfigError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; without `ca` the system's authorities are trusted.

    `certificate` and `key` are the device's own, for brokers that want one.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class _ClosedWhenRefused(ssl.SSLSocket):
    """A socket that is closed when its handshake fails; the MQTT library forgets it."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, or close."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def make_context(files: TlsFiles) -> ssl.SSLContext:
    """Read the files; one context may serve many connections, and takes more memory than they do.

    Raises:
        ConfigError: a file is missing or no PEM, or the key does not belong to the certificate.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"TLS: {files.ca}: {_reason(error)}") from error
    context.sslsocket_class = _ClosedWhenRefused
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            both = " and ".join(str(file) for file in (files.certificate, files.key) if file)
            raise ConfigError(f"TLS: {both}: {_reason(error)}") from error
    return context


class RenewableContext:
    """The context of files that are replaced while it is in use; shared by all connections.

    Raises:
        ConfigError: as `make_context`.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._marks = _marks(files)
        self._context = make_context(files)

    def current(self) -> ssl.SSLContext:
        """Give the context for the next connection, made anew when a file has changed.

        Files that cannot be used are logged once, and what was before stays.
        """
        marks = _marks(self._files)
        if marks != self._marks:
            self._marks = marks
            try:
                self._context = make_context(self._files)
            except ConfigError as error:
                log.error("certificate_rejected", reason=str(error))  # noqa: TRY400 - said
            else:
                log.info("certificate_renewed")
        return self._context


_Mark = tuple[int, int, int]


def _marks(files: TlsFiles) -> list[_Mark | None]:
    return [_mark(path) for path in (files.ca, files.certificate, files.key)]


def _mark(path: Path | None) -> _Mark | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        # In the middle of being replaced, or gone.
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _reason(error: OSError) -> str:
    # An SSLError's texts are like "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate ...".
    return error.strerror or str(error)
