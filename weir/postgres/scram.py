"""What PostgreSQL keeps of a password, so that the password itself never reaches its logs.

Sources: RFC 5802, section 3; RFC 7677; PostgreSQL 18 documentation, "CREATE ROLE" and pg_authid.
"""

import base64
import hashlib
import hmac
import secrets

#: PostgreSQL's own default (`scram_iterations`).
ITERATION_COUNT = 4_096
SALT_BYTES = 16


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Give the SCRAM-SHA-256 verifier of a password of printable ASCII.

    `salt`: random when it is not given.
    """
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATION_COUNT)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return (
        f"SCRAM-SHA-256${ITERATION_COUNT}:{_base64(salt)}"
        f"${_base64(stored_key)}:{_base64(server_key)}"
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
