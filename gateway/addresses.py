"""Where a request comes from."""

from starlette.types import Scope

_UNKNOWN = "unknown"


def address_of(scope: Scope) -> str:
    """Give the address of the client, as the server has made it out."""
    client = scope.get("client")
    return client[0] if client else _UNKNOWN
