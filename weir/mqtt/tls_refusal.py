"""Says what is wrong where TLS does not come about, and what to do about it.

Sources: OpenSSL, "X509_STORE_CTX_get_error" (verification); RFC 8446, section 6.2 (alerts).
"""

import ssl

#: X509_V_ERR_...: not yet valid, expired.
_NOT_YET, _EXPIRED = 9, 10
#: X509_V_ERR_...: signed by itself, alone or in the chain; issuer not here, or not in the chain.
_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
#: X509_V_ERR_...: of another host name, of another address.
_OTHER_NAME = frozenset({62, 64})

#: By a part of OpenSSL's name of what the broker answered.
_ALERTS = {
    "CERTIFICATE_REQUIRED": (
        "it wants a certificate of this computer, and there is none: name it and its key in "
        "`certificate` and `key`"
    ),
    "CERTIFICATE_EXPIRED": (
        "the certificate of this computer has expired: replace the files that `certificate` and "
        "`key` name, no restart is needed"
    ),
    "CERTIFICATE_REVOKED": (
        "the certificate of this computer is revoked: replace the files that `certificate` and "
        "`key` name"
    ),
    "UNKNOWN_CA": (
        "it does not know who has signed the certificate of this computer: use one of an authority "
        "that the broker trusts"
    ),
    "BAD_CERTIFICATE": "it does not take the certificate of this computer: look into its log",
    "CERTIFICATE_UNKNOWN": "it does not take the certificate of this computer: look into its log",
    # All that TLS 1.2 has for a certificate that is missing.
    "HANDSHAKE_FAILURE": (
        "it refuses, mostly for want of a certificate of this computer: name it and its key in "
        "`certificate` and `key`"
    ),
    "WRONG_VERSION_NUMBER": "it does not speak TLS there: mqtts:// needs its TLS port, mostly 8883",
}


def explain_refusal(error: ssl.SSLError) -> str:
    """Give what is wrong, and what to do, as one sentence without the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_verification(error)
    reason = error.reason or ""
    for part, said in _ALERTS.items():
        if part in reason:
            return said
    return f"no TLS: {reason or error}"


def _explain_verification(error: ssl.SSLCertVerificationError) -> str:
    code, message = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return (
            "its certificate has expired: renew it at the broker; or the clock of this computer is "
            "ahead: set it"
        )
    if code == _NOT_YET:
        return "its certificate is not valid yet: is the clock of this computer right?"
    if code in _UNKNOWN_ISSUER:
        return (
            f"its certificate is not of an authority that is trusted here ({message}): name the "
            "file of its authority in `ca`"
        )
    if code in _OTHER_NAME:
        return f"its certificate is of another name ({message}): use a name that it has"
    return f"its certificate is refused: {message}"
