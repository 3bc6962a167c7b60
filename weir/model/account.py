"""Users and what they are called: names, roles, and the bounds of passwords."""

from enum import StrEnum

#: Lower case only, so that no two users look alike; an address of e-mail fits.
USER_NAME_PATTERN = r"[a-z0-9][a-z0-9._@+-]{0,62}"
#: Source: OWASP, "Application Security Verification Standard", version 4.0.3, section 2.1.1.
PASSWORD_LENGTH_MIN = 12
#: Nobody types more, and hashing has a bound. Section 2.1.2 asks for 64 at least.
PASSWORD_LENGTH_MAX = 256
TOKEN_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"  # noqa: S105 - no token, but its name
TOKEN_LIFETIME_DAYS = 90
#: Ten years: a token that outlives its service is a key under the mat.
TOKEN_LIFETIME_DAYS_MAX = 3_650


class Role(StrEnum):
    """What somebody is in an organisation; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
