"""What PostgreSQL keeps of a password."""

import base64
import hashlib
import hmac

from weir.postgres.scram import scram_verifier

#: RFC 7677, section 3: the exchange of user `user` with password `pencil`.
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
EXCHANGE = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={NONCE},s={SALT},i=4096,c=biws,r={NONCE}".encode()
CLIENT_PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_verifier_accepts_the_proof_of_the_standard_and_signs_as_it_does() -> None:
    verifier = scram_verifier("pencil", base64.b64decode(SALT))
    start, iterations, keys = verifier.split("$")
    stored_key, server_key = map(base64.b64decode, keys.split(":"))

    assert ("SCRAM-SHA-256", f"4096:{SALT}") == (start, iterations)
    signature = hmac.digest(stored_key, EXCHANGE, "sha256")
    proof = base64.b64decode(CLIENT_PROOF)
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert stored_key == hashlib.sha256(client_key).digest()
    assert (
        SERVER_SIGNATURE == base64.b64encode(hmac.digest(server_key, EXCHANGE, "sha256")).decode()
    )


def test_two_verifiers_of_one_password_differ() -> None:
    assert scram_verifier("pencil") != scram_verifier("pencil")
