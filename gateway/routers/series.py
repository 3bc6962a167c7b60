"""Series: what each field of each device is, by the device's own word or an operator's."""

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
from gateway.parameters import PageQuery, Serial, Text
from gateway.permissions import Permission
from gateway.routers.auth import Body
from weir.events.series import Change, Settings
from weir.model.announcement import Kind
from weir.model.limits import DESCRIPTION_LENGTH_MAX, UNIT_LENGTH_MAX
from weir.postgres.queries.series_settings import SeriesFilter, list_series, show_series
from weir.postgres.series_admin import change_series

router = APIRouter(
    prefix="/v1/series", tags=["series"], dependencies=[requires(Permission.SERIES_READ)]
)

#: A series without a class has the empty one.
_CLASS_PATTERN = r"^([a-z0-9][a-z0-9-]{0,62})?$"
_BACK = "null: as the device says"


class SeriesQuery(PageQuery):
    """Which series to list."""

    serial: Serial | None = Field(None, description="only those of this device")
    site: Text | None = Field(None, description="only those of devices at this site")
    kind: Kind | None = None
    series_class: Text | None = Field(None, description="only those of this class")
    search: Text = Field("", description="anywhere in the field, in whatever case")


class SeriesPatch(Body):
    """What an operator says of a series; what is not given stays as it is."""

    unit: Text | None = Field(
        None, max_length=UNIT_LENGTH_MAX, description=_BACK, examples=["kW.h"]
    )
    description: Annotated[str, Field(max_length=DESCRIPTION_LENGTH_MAX)] | None = Field(
        None, description=_BACK
    )
    kind: Kind | None = Field(
        None, description=f"{_BACK}; its rollups are computed again", examples=["total"]
    )
    series_class: str | None = Field(
        None,
        pattern=_CLASS_PATTERN,
        description="what retention policies go by; null: none",
        examples=["billing"],
    )

    def change(self) -> Change:
        """Say it in the words of the domain: what was given as null is restored."""
        given = self.model_dump(include=self.model_fields_set)
        if given.get("series_class") == "":
            given["series_class"] = None
        restored = frozenset(name for name, value in given.items() if value is None)
        return Change(Settings(**given), restored)


class SeriesView(BaseModel):
    """A series, with what holds of it and what its device says."""

    model_config = ConfigDict(from_attributes=True)

    serial: str
    field: str
    series_id: int
    site: str
    unit: str
    description: str
    kind: Kind
    series_class: str = Field(description="empty: none")
    overridden: list[str] = Field(description="what an operator says in place of the device")
    announced_unit: str
    announced_description: str
    announced_kind: Kind
    version: int = Field(description="what `ETag` says too")


class SeriesPage(BaseModel):
    """A page of series, by device and field."""

    series: list[SeriesView]
    next_cursor: str | None = Field(description="null: this was the last page")


@dataclass(frozen=True, slots=True)
class SeriesName:
    """Which series; a field may have slashes."""

    serial: str
    field: Annotated[str, Path(max_length=200, examples=["acceleration"])]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and of which version."""

    author: InAuthor
    if_match: InIfMatch


InName = Annotated[SeriesName, Depends()]


@router.get("")
async def get_all_series(
    query: Annotated[SeriesQuery, InQuery()], context: InContext
) -> SeriesPage:
    """List series of devices that are not deleted, a page at a time, by device and field."""
    wanted = SeriesFilter(query.serial, query.site, query.kind, query.series_class, query.search)
    after_id = cursors.decode_number(query.cursor) if query.cursor else 0
    # One more than asked for tells whether there is another page.
    found = await list_series(context.pool, wanted, after_id=after_id, limit=query.limit + 1)
    page = [SeriesView.model_validate(series) for series in found[: query.limit]]
    has_more = len(found) > query.limit
    return SeriesPage(
        series=page, next_cursor=cursors.encode_number(page[-1].series_id) if has_more else None
    )


@router.get("/{serial}/{field:path}")  # noqa: FAST003 - `InName` takes them
async def get_series(name: InName, context: InContext, response: Response) -> SeriesView:
    """Show one series."""
    return await _show(context, name, response)


@router.patch(
    "/{serial}/{field:path}",  # noqa: FAST003 - `InName` takes them
    dependencies=[requires(Permission.SERIES_WRITE)],
    responses=PRECONDITION_RESPONSES,
)
async def patch_series(
    name: InName,
    body: SeriesPatch,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> SeriesView:
    """Say what a series is; no announcement of its device changes that again."""
    await change_series(
        context.pool,
        (name.serial, name.field),
        body.change(),
        asked.author,
        asked.if_match.check,
    )
    return await _show(context, name, response)


async def _show(context: Context, name: SeriesName, response: Response) -> SeriesView:
    series = await show_series(context.pool, name.serial, name.field)
    set_etag(response, series.version)
    return SeriesView.model_validate(series)
