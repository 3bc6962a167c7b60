"""How devices are to be set: what is wanted, what they run, and what was wanted before."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.actor import InAuthor
from gateway.configuration_answers import (
    ConfigurationAnswer,
    Difference,
    VersionDocument,
    VersionSummary,
    answer_of,
)
from gateway.context import Context, InContext
from gateway.etags import PRECONDITION_RESPONSES, InIfMatch, set_etag
from gateway.idempotency import IdempotentRoute
from gateway.parameters import PageQuery, Query
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from weir.errors import ConflictError
from weir.events.configuration import Configuration, Desire, How
from weir.model.document_diff import differences
from weir.model.limits import INTEGER_MAGNITUDE_MAX
from weir.model.merge_patch import merge
from weir.postgres.configuration_state import read_configuration
from weir.postgres.configurations import Make, change_configuration
from weir.postgres.queries.configurations import (
    ENTITY_VERSION_MAX,
    list_versions,
    running_document,
    show_version,
)

router = APIRouter(
    prefix="/v1/devices/{serial}/config",
    tags=["config"],
    dependencies=[requires(Permission.CONFIG_READ)],
    route_class=IdempotentRoute,
)

_WRITE = [requires(Permission.CONFIG_WRITE)]
_CONFLICT: dict[int | str, dict[str, Any]] = {409: PROBLEM_RESPONSE}
_EDITED = {**_CONFLICT, **PRECONDITION_RESPONSES}
MERGE_PATCH = "application/merge-patch+json"
_EXAMPLE = {"sample_rate_hz": 50.0, "limits": {"low": -2.5, "high": 8.0}}

VersionNumber = Annotated[int, Path(ge=1, le=INTEGER_MAGNITUDE_MAX)]
Document = Annotated[dict[str, Any], Body(examples=[_EXAMPLE])]
Patch = Annotated[
    dict[str, Any], Body(media_type=MERGE_PATCH, examples=[{"limits": {"high": 9.0, "low": None}}])
]


class Named(StrEnum):
    """Documents that go by a name: what is wanted, and what the device says that it runs."""

    DESIRED = "desired"
    REPORTED = "reported"


Side = Annotated[int, Field(ge=1, le=INTEGER_MAGNITUDE_MAX)] | Named


class DiffQuery(Query):
    """What to compare."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Side = Field(
        Named.REPORTED, alias="from", description="a version, `desired` or `reported`"
    )
    until: Side = Field(Named.DESIRED, alias="to", description="a version, `desired` or `reported`")


class HistoryPage(BaseModel):
    """A page of versions, newest first."""

    versions: list[VersionSummary]
    next_cursor: str | None = Field(description="null: this was the last page")


class Diff(BaseModel):
    """What differs between two documents."""

    serial: str
    differences: list[Difference] = Field(description="none: they are the same")


class RollbackBody(BaseModel):
    """Which version to take again."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=INTEGER_MAGNITUDE_MAX, examples=[2])


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and of which version."""

    author: InAuthor
    if_match: InIfMatch


@router.get("")
async def get_configuration(
    serial: str, context: InContext, response: Response
) -> ConfigurationAnswer:
    """Show what is wanted of a device, what it runs, and whether that is the same.

    `ETag` is the version that is wanted: what the device reports does not change it.
    """
    return await _show(context, serial, response)


@router.put("", dependencies=_WRITE, responses=_EDITED)
async def put_configuration(
    serial: str,
    document: Document,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> ConfigurationAnswer:
    """Want a device to run this document; it must fit the schema that the device declares.

    Where the same is wanted already, there is no new version.
    """

    def make(_: Configuration) -> Desire:
        return Desire(document)

    await change_configuration(context.pool, serial, make, asked.author, asked.if_match.check)
    return await _show(context, serial, response)


@router.patch("", dependencies=_WRITE, responses=_EDITED)
async def patch_configuration(
    serial: str,
    patch: Patch,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> ConfigurationAnswer:
    """Change some members of what is wanted (JSON Merge Patch, RFC 7396); null takes one away.

    Where nothing is wanted yet, members of what the device says that it runs.
    """

    def make(configuration: Configuration) -> Desire:
        return Desire(merge(configuration.base, patch), How.MERGE_PATCH)

    await change_configuration(context.pool, serial, make, asked.author, asked.if_match.check)
    return await _show(context, serial, response)


@router.get("/history")
async def get_configuration_history(
    serial: str, query: Annotated[PageQuery, InQuery()], context: InContext
) -> HistoryPage:
    """List what was wanted of a device, newest first, a page at a time."""
    await read_configuration(context.pool, serial)
    before = cursors.decode_number(query.cursor) if query.cursor else ENTITY_VERSION_MAX
    # One more than asked for tells whether there is another page.
    found = await list_versions(context.pool, serial, before=before, limit=query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return HistoryPage(
        versions=[VersionSummary.model_validate(version) for version in page],
        next_cursor=cursors.encode_number(page[-1].entity_version) if has_more else None,
    )


@router.get("/history/{version}")
async def get_configuration_version(
    serial: str, version: VersionNumber, context: InContext
) -> VersionDocument:
    """Show one version of what was wanted of a device."""
    return VersionDocument.model_validate(await show_version(context.pool, serial, version))


@router.get("/diff", responses=_CONFLICT)
async def get_configuration_diff(
    serial: str, query: Annotated[DiffQuery, InQuery()], context: InContext
) -> Diff:
    """Tell what differs between two versions; without any: what the device will be changed in."""
    device = await read_configuration(context.pool, serial)
    before = await _document(context, serial, device.configuration, query.since)
    after = await _document(context, serial, device.configuration, query.until)
    found = [Difference.model_validate(each) for each in differences(before, after)]
    return Diff(serial=serial, differences=found)


@router.post("/rollback", dependencies=_WRITE, responses=_CONFLICT)
async def rollback_configuration(
    serial: str, body: RollbackBody, context: InContext, author: InAuthor, response: Response
) -> ConfigurationAnswer:
    """Want again what an older version wanted: it becomes a new version."""
    await read_configuration(context.pool, serial)
    old = await show_version(context.pool, serial, body.version)

    def make(_: Configuration) -> Desire:
        return Desire(old.document, How.ROLLBACK, old.version)

    return await _change(context, serial, make, author, response)


@router.post("/adopt", dependencies=_WRITE, responses=_CONFLICT)
async def adopt_configuration(
    serial: str, context: InContext, author: InAuthor, response: Response
) -> ConfigurationAnswer:
    """Want what somebody has put into the device itself: it becomes a new version."""

    def make(configuration: Configuration) -> Desire:
        if configuration.reported is None or configuration.reported.document is None:
            raise ConflictError(f"{serial} runs nothing that was put there by hand")
        return Desire(configuration.reported.document, How.ADOPTION)

    return await _change(context, serial, make, author, response)


@router.post("/overwrite", dependencies=_WRITE, responses=_CONFLICT)
async def overwrite_configuration(
    serial: str, context: InContext, author: InAuthor, response: Response
) -> ConfigurationAnswer:
    """Send what is wanted over what somebody has put into the device itself, as a new version."""

    def make(configuration: Configuration) -> Desire:
        if not configuration.is_edited_at_device or configuration.document is None:
            raise ConflictError(f"{serial} runs nothing that was put there by hand")
        return Desire(configuration.document, How.OVERWRITING)

    return await _change(context, serial, make, author, response)


async def _change(
    context: Context, serial: str, make: Make, author: InAuthor, response: Response
) -> ConfigurationAnswer:
    await change_configuration(context.pool, serial, make, author)
    return await _show(context, serial, response)


async def _show(context: Context, serial: str, response: Response) -> ConfigurationAnswer:
    device = await read_configuration(context.pool, serial)
    wanted = device.configuration.wanted
    set_etag(response, wanted.version)
    newest = await list_versions(context.pool, serial, limit=1) if wanted.version else []
    return answer_of(device, newest[0] if newest else None)


async def _document(
    context: Context, serial: str, configuration: Configuration, side: int | Named
) -> Mapping[str, Any]:
    match side:
        case Named.DESIRED:
            return configuration.document or {}
        case Named.REPORTED:
            return await running_document(context.pool, serial, configuration)
        case int():
            return (await show_version(context.pool, serial, side)).document
