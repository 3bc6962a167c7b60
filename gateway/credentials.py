"""The kinds of credentials that the gateway takes, and whose each is."""

from hmac import compare_digest

from gateway.actor import Principal
from gateway.context import Context
from gateway.permissions import permissions_of_user
from weir.errors import UnauthorizedError
from weir.model.account import Role

#: What the journal calls whoever shows the installation's own token, WEIR_GATEWAY_TOKEN.
LOCAL_TOKEN = "token:local"  # noqa: S105 - its name


async def identify(context: Context, credential: str) -> Principal:
    """Tell whose credential this is, and what they may do at this moment.

    Raises:
        UnauthorizedError: it is none of ours.
    """
    if context.token and _is_same(credential, context.token):
        return Principal(LOCAL_TOKEN, permissions_of_user(Role.ADMIN))
    raise UnauthorizedError("the gateway does not know this credential")


def _is_same(shown: str, secret: str) -> bool:
    # The time that a comparison takes must not tell how much of a guess is right.
    return compare_digest(shown.encode(), secret.encode())
