"""Whom a device trusts, and what it shows of itself, where the broker speaks TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from weir.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; without `ca` the system's authorities are trusted.

    `certificate` and `key` are the device's own, for brokers that want one.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def make_context(files: TlsFiles) -> ssl.SSLContext:
    """Read the files; one context may serve many connections, and takes more memory than they do.

    Raises:
        ConfigError: a file is missing or no PEM, or the key does not belong to the certificate.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"TLS: {files.ca}: {_reason(error)}") from error
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            both = " and ".join(str(file) for file in (files.certificate, files.key) if file)
            raise ConfigError(f"TLS: {both}: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    # An SSLError's texts are like "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate ...".
    return error.strerror or str(error)
