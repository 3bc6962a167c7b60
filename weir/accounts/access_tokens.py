"""Access tokens: short-lived, signed, and saying only whose login they belong to.

What somebody may do is looked up at each request and not written into the token: a role that is
taken away is gone at once. Source: RFC 7519, "JSON Web Token"; RFC 8725, its best current practices
(one algorithm, its own key, every claim checked).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from weir.errors import UnauthorizedError
from weir.postgres.pool import Pool
from weir.postgres.signing_keys import SigningKey, current_keys

LIFETIME = timedelta(minutes=10)
#: The key that signs is looked at again after this: another gateway may have made a newer one.
KEYS_FRESH = timedelta(minutes=1)
#: Keys that nobody knows are asked for no more often than this.
KEYS_LOOKED_UP = timedelta(seconds=5)

_ALGORITHM = "HS256"
_ISSUER = "weir"
_AUDIENCE = "weir-gateway"
_REFUSAL = "the access token does not hold"
ENDED = "the access token has ended: refresh it, or log in"


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    user_name: str
    session_id: str


class AccessTokens:
    """Signs and verifies access tokens with the keys in the database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._keys: list[SigningKey] = []
        self._loaded_at: datetime | None = None

    async def issue(self, claims: Claims, now: datetime) -> str:
        """Make a token that holds for `LIFETIME`.

        Raises:
            StoreUnavailableError: the keys cannot be read; try again later.
        """
        await self._load(now, KEYS_FRESH)
        key = self._keys[0]
        content = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": claims.user_name,
            "sid": claims.session_id,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        header = {"alg": _ALGORITHM, "kid": key.key_id}
        return jwt.encode(header, content, OctKey.import_key(key.secret))

    async def verify(self, token: str, now: datetime) -> Claims:
        """Read a token that we have signed and that has not ended.

        Raises:
            UnauthorizedError: it is not ours, was changed, or has ended.
            StoreUnavailableError: the keys cannot be read; try again later.
        """
        key = await self._key(_key_id(token), now)
        try:
            content = jwt.decode(token, OctKey.import_key(key.secret), [_ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise UnauthorizedError(_REFUSAL) from error
        return _checked(content, now)

    async def _key(self, key_id: str, now: datetime) -> SigningKey:
        for age_max in (KEYS_FRESH, KEYS_LOOKED_UP):
            await self._load(now, age_max)
            for key in self._keys:
                if key.key_id == key_id:
                    return key
        raise UnauthorizedError(_REFUSAL)

    async def _load(self, now: datetime, age_max: timedelta) -> None:
        if self._loaded_at is None or abs(now - self._loaded_at) > age_max:
            self._keys = await current_keys(self._pool, now, LIFETIME)
            self._loaded_at = now


def _key_id(token: str) -> str:
    try:
        # Only the name of the key is taken from here; nothing is believed before it is verified.
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise UnauthorizedError(_REFUSAL) from error
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise UnauthorizedError(_REFUSAL)
    return key_id


def _checked(content: dict[str, Any], now: datetime) -> Claims:
    match content:
        case {
            "iss": "weir",
            "aud": "weir-gateway",
            "sub": str(user_name),
            "sid": str(session_id),
            "exp": int(ends_at),
        }:
            if now.timestamp() >= ends_at:
                raise UnauthorizedError(ENDED)
            return Claims(user_name, session_id)
        case _:
            raise UnauthorizedError(_REFUSAL)
