"""Sites: the houses, machines and structures that devices are at."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.actor import InAuthor
from gateway.context import Context, InContext
from gateway.etags import PRECONDITION_RESPONSES, InIfMatch, set_etag
from gateway.idempotency import IdempotentRoute
from gateway.parameters import PageQuery, Text
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from gateway.routers.auth import Body
from gateway.times import Instant
from weir.events.site import UTC_TIME_ZONE, Change
from weir.model.site import SLUG_PATTERN
from weir.postgres.queries.sites import list_sites, show_site
from weir.postgres.sites import SiteName, change_site, create_site, remove_site

router = APIRouter(
    prefix="/v1/sites",
    tags=["sites"],
    dependencies=[requires(Permission.SITES_READ)],
    route_class=IdempotentRoute,
)

_WRITE = [requires(Permission.SITES_WRITE)]
_TIME_ZONE = "name in the tz database; its midnight begins the days of the site"

Slug = Annotated[str, Path(pattern=f"^{SLUG_PATTERN}$", examples=["unassigned"])]
SiteTitle = Annotated[Text, Field(min_length=1, examples=["North harbour"])]
TimeZone = Annotated[Text, Field(description=_TIME_ZONE, examples=["Europe/Berlin"])]


class NewSite(Body):
    """A site to be made."""

    slug: str = Field(
        pattern=f"^{SLUG_PATTERN}$",
        description="how it is called in addresses and on command lines; it never changes",
        examples=["harbour"],
    )
    name: SiteTitle
    time_zone: TimeZone = UTC_TIME_ZONE


class SitePatch(Body):
    """What is to change; what is not given stays."""

    name: SiteTitle | None = None
    time_zone: TimeZone | None = None


class SiteView(BaseModel):
    """A site."""

    model_config = ConfigDict(from_attributes=True)

    slug: str
    organisation: str
    name: str
    time_zone: str = Field(description=_TIME_ZONE)
    device_count: int
    deleted_device_count: int = Field(description="others, that can be brought back")
    version: int = Field(description="what `ETag` says too")
    created_at: Instant


class SitePage(BaseModel):
    """A page of sites, by slug."""

    sites: list[SiteView]
    next_cursor: str | None = Field(description="null: this was the last page")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and of which version."""

    author: InAuthor
    if_match: InIfMatch


@router.get("")
async def get_sites(query: Annotated[PageQuery, InQuery()], context: InContext) -> SitePage:
    """List sites, a page at a time, by slug."""
    # Every slug could be a serial too, so that one kind of cursor does.
    after = cursors.decode_serial(query.cursor) if query.cursor else ""
    # One more than asked for tells whether there is another page.
    found = await list_sites(context.pool, after=after, limit=query.limit + 1)
    page = [SiteView.model_validate(site) for site in found[: query.limit]]
    has_more = len(found) > query.limit
    return SitePage(
        sites=page, next_cursor=cursors.encode_serial(page[-1].slug) if has_more else None
    )


@router.post("", status_code=201, dependencies=_WRITE, responses={409: PROBLEM_RESPONSE})
async def make_site(
    body: NewSite, context: InContext, author: InAuthor, response: Response
) -> SiteView:
    """Make a site; its slug stays its own for ever."""
    await create_site(context.pool, SiteName(body.slug), body.name, body.time_zone, author)
    return await _show(context, body.slug, response)


@router.get("/{slug}")
async def get_site(slug: Slug, context: InContext, response: Response) -> SiteView:
    """Show one site."""
    return await _show(context, slug, response)


@router.patch("/{slug}", dependencies=_WRITE, responses=PRECONDITION_RESPONSES)
async def patch_site(
    slug: Slug,
    body: SitePatch,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> SiteView:
    """Change a site; with another time zone, the days of its devices are computed again."""
    change = Change(body.name, body.time_zone)
    await change_site(context.pool, SiteName(slug), change, asked.author, asked.if_match.check)
    return await _show(context, slug, response)


@router.delete("/{slug}", status_code=204, dependencies=_WRITE, responses={409: PROBLEM_RESPONSE})
async def delete_site(slug: Slug, context: InContext, author: InAuthor) -> None:
    """Remove a site that no device is at, deleted ones included."""
    await remove_site(context.pool, SiteName(slug), author)


async def _show(context: Context, slug: str, response: Response) -> SiteView:
    site = await show_site(context.pool, slug)
    set_etag(response, site.version)
    return SiteView.model_validate(site)
