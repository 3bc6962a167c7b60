"""Versions of what is edited, so that nobody overwrites a change that they have not seen.

A resource's `ETag` is its version in quotes. A change must carry it back in `If-Match`: without one
it is refused with 428, with an older one with 412. Source: RFC 9110, sections 8.8.3 and 13.1.1; RFC
6585, section 3.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Response

from gateway.problems import PROBLEM_RESPONSE
from weir.errors import PreconditionFailedError, PreconditionRequiredError

_ANY = "*"
_TAG = re.compile(r'"(\d{1,18})"')
_HEADER_LENGTH_MAX = 200

#: The `responses` of a route that takes `InIfMatch`.
PRECONDITION_RESPONSES: dict[int | str, dict[str, Any]] = {
    412: PROBLEM_RESPONSE,
    428: PROBLEM_RESPONSE,
}


def etag_of(version: int) -> str:
    """Write the version of an entity as a strong entity tag."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Tell the client which version it is shown."""
    response.headers["ETag"] = etag_of(version)


@dataclass(frozen=True, slots=True)
class IfMatch:
    """Which versions the client wants to change; None: whichever there is (`*`)."""

    versions: frozenset[int] | None

    def check(self, version: int) -> None:
        """Let a change of this version pass.

        Raises:
            PreconditionFailedError: the client has seen another version.
        """
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailedError(
                f"it has changed meanwhile: its version is {etag_of(version)}; read it again"
            )


def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=_HEADER_LENGTH_MAX,
            description="`ETag` of what was read, or `*` to change it whatever it has become",
            examples=['"3"'],
        ),
    ] = None,
) -> IfMatch:
    if if_match is None:
        raise PreconditionRequiredError(
            "say which version you change: `If-Match` with the `ETag` that you have read, or `*`"
        )
    if if_match.strip() == _ANY:
        return IfMatch(None)
    # A weak tag (`W/"3"`) never matches here: section 8.8.3.2 wants a strong comparison.
    tags = (_TAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return IfMatch(frozenset(int(tag[1]) for tag in tags if tag))


#: A parameter of a route that edits; `if_match.check(version)` inside, or hand `versions` down.
InIfMatch = Annotated[IfMatch, Depends(_if_match)]
