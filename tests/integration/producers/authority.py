"""An authority for the time of a test, and the certificates that it signs: good ones and others."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weir.embedded.ports import LOOPBACK

DAY = timedelta(days=1)
GOOD = timedelta(days=30)
EXPIRED = -DAY


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key; `issue` writes them anew."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates of servers at 127.0.0.1, and of clients by any name."""

    def __init__(self, name: str) -> None:
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = (
            self._builder(self._name, self._key, GOOD)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs=True), critical=True)
            .add_extension(self._identifier(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def write(self, path: Path) -> Path:
        """Write what others trust it by."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, pair: Pair, name: str, good_for: timedelta = GOOD) -> None:
        """Write a certificate and its key, which was good until `good_for` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))])
        usages = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        certificate = (
            self._builder(_name(name), key, good_for)
            .add_extension(names, critical=False)
            .add_extension(usages, critical=False)
            .add_extension(_key_usage(signs=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(self._identifier(key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, good_for: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)  # noqa: TID251 - brokers compare with the real one
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + good_for)
        )

    @staticmethod
    def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
