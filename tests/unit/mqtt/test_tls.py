"""Files for TLS: those that are not what they should be, and those that are replaced."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.integration.producers.authority import Authority, Pair
from weir.errors import ConfigError
from weir.mqtt.certificate_end import end_of_certificate
from weir.mqtt.tls import RenewableContext, TlsFiles, make_context
from weir.mqtt.tls_refusal import explain_refusal


def test_without_files_the_system_is_trusted() -> None:
    assert make_context(TlsFiles()).check_hostname


@pytest.mark.parametrize("which", ["ca", "certificate"])
@pytest.mark.parametrize("content", [None, b"not PEM"], ids=["missing", "not_pem"])
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, which: str, content: bytes | None
) -> None:
    path = tmp_path / f"{which}.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"TLS: .*{which}\.pem: "):
        make_context(TlsFiles(**{which: path}))


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return TlsFiles(tmp_path / "ca.pem", tmp_path / "edge.pem", tmp_path / "edge.key")


def issue(files: TlsFiles, good_for: timedelta = timedelta(days=30)) -> None:
    assert files.ca is not None
    assert files.certificate is not None
    assert files.key is not None
    authority = Authority("ours")
    authority.write(files.ca)
    authority.issue(Pair(files.certificate, files.key), "edge", good_for)


def test_a_context_is_the_same_until_a_file_is_replaced(files: TlsFiles) -> None:
    issue(files)
    context = RenewableContext(files)
    first = context.current()
    assert first is context.current()
    issue(files)
    with capture_logs() as logs:
        second = context.current()
    assert second is not first
    assert ["certificate_renewed"] == [entry["event"] for entry in logs]


def test_files_that_cannot_be_used_are_told_once_and_leave_what_was_before(files: TlsFiles) -> None:
    issue(files)
    context = RenewableContext(files)
    first = context.current()
    assert files.key is not None
    files.key.unlink()
    with capture_logs() as logs:
        assert first is context.current() is context.current()
    assert ["certificate_rejected"] == [entry["event"] for entry in logs]
    assert str(files.key) in logs[0]["reason"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a certificate of this computer"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "of this computer has expired"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "of this computer is revoked"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not know who has signed"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "for want of a certificate"),
        ("WRONG_VERSION_NUMBER", "does not speak TLS there"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_ALERT_INTERNAL_ERROR"),
    ],
)
def test_what_the_broker_refuses_is_said_with_what_to_do(reason: str, said: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    assert said in explain_refusal(error)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (9, "is the clock of this computer right?"),
        (10, "renew it at the broker"),
        (20, "name the file of its authority in `ca`"),
        (62, "of another name"),
        (24, "is refused: as they say"),
    ],
)
def test_what_is_wrong_with_the_certificate_of_the_broker_is_said(code: int, said: str) -> None:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = code, "as they say"
    assert said in explain_refusal(error)


@pytest.mark.parametrize("days", [-1, 30, 40 * 365], ids=["ended", "good", "after 2050"])
def test_the_end_of_a_certificate_is_read(files: TlsFiles, days: int) -> None:
    issue(files, timedelta(days=days))
    assert files.certificate is not None
    wanted = datetime.now(UTC) + timedelta(days=days)  # noqa: TID251 - so are certificates made
    assert abs(end_of_certificate(files.certificate) - wanted) < timedelta(minutes=5)


def test_what_is_no_certificate_has_no_end(files: TlsFiles) -> None:
    issue(files)
    assert files.certificate is not None
    text = files.certificate.read_text()
    assert files.key is not None
    with pytest.raises(ConfigError, match=r"edge\.key: "):
        end_of_certificate(files.key)
    for length in range(64, len(text) - 64, 64):
        files.certificate.write_text(text[:length] + "\n-----END CERTIFICATE-----\n")
        with pytest.raises(ConfigError, match=r"edge\.pem: "):
            end_of_certificate(files.certificate)
