"""Storage: what it takes, how long everything is kept, and what goes next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import requires
from gateway.actor import InAuthor
from gateway.context import InContext
from gateway.idempotency import IdempotentRoute
from gateway.parameters import Query, Text
from gateway.permissions import Permission
from gateway.times import Instant
from weir.errors import RequestError
from weir.model.retention import (
    AGE_HELP,
    CLASS_PATTERN,
    Age,
    Ages,
    Layer,
    Scope,
    format_age,
    kept_from,
    parse_age,
)
from weir.postgres.queries.storage import describe_storage
from weir.postgres.retention.plan import ROWS_COUNTED_MAX, plan_run
from weir.postgres.retention.policies import change_policy, read_policies
from weir.postgres.retention.runs import PostgresRetentionStore

router = APIRouter(
    prefix="/v1/storage",
    tags=["storage"],
    dependencies=[requires(Permission.STORAGE_READ)],
    route_class=IdempotentRoute,
)

#: How long one request may go on dropping; what is left is for the next one.
RUN_BUDGET_S = 15.0

AgeText = Annotated[str | None, Field(max_length=40, description=AGE_HELP)]


class TableSize(BaseModel):
    """What one table takes."""

    model_config = ConfigDict(from_attributes=True)

    layer: Layer
    table: str
    byte_count: int
    row_count: int = Field(description="an estimate")
    partition_count: int = Field(description="partitions or chunks; 0: the table has none")
    oldest: Instant | None
    newest: Instant | None


class Storage(BaseModel):
    """How things are stored, and how much there is."""

    model_config = ConfigDict(from_attributes=True)

    mode: str = Field(description="`timescaledb` or `plain`")
    timescaledb_version: str | None
    timescaledb_licence: str | None = Field(description="`apache`, `timescale`, or null without")
    is_compressing: bool = Field(description="readings are compressed where the licence allows it")
    tables: list[TableSize]


class Dropped(BaseModel):
    """What goes of one table: a whole partition, or rows of some series."""

    model_config = ConfigDict(from_attributes=True)

    layer: Layer
    table: str
    partition: str | None = Field(description="null: rows go, and the partition stays")
    until: Instant = Field(description="what goes is from before this")
    row_count: int | None = Field(
        description=f"of a partition an estimate, or null; of rows exact up to {ROWS_COUNTED_MAX}"
    )
    byte_count: int | None = Field(description="of a partition only")


class Planned(Dropped):
    """What the next run drops, or waits for."""

    waits_for: str | None


class Plan(BaseModel):
    """What the next run drops, in its order."""

    planned: list[Planned]


class Wait(BaseModel):
    """What a run left for the next one, and what for."""

    model_config = ConfigDict(from_attributes=True)

    layer: Layer | None
    reason: str


class Report(BaseModel):
    """What a run has done."""

    model_config = ConfigDict(from_attributes=True)

    expired: list[Dropped]
    waits: list[Wait]
    is_finished: bool = Field(description="false: its time was over; ask again for the rest")


class Policy(BaseModel):
    """How long one scope keeps things; what it does not say, the next wider one does."""

    scope: str = Field(description="`installation`, `site <slug>` or `class <name>`")
    site: str | None
    series_class: str | None
    ages: dict[Layer, str] = Field(description="in days, or `forever`")
    kept_from: dict[Layer, Instant] = Field(
        description="what is older goes with the next run; none: everything is kept"
    )


class Policies(BaseModel):
    """All policies, the installation's first."""

    policies: list[Policy]


class ScopeQuery(Query):
    """Whom a policy is for; with neither, the whole installation."""

    site: Text | None = Field(None, description="slug of a site")
    series_class: Annotated[str | None, Field(pattern=f"^{CLASS_PATTERN}$")] = None

    def scope(self) -> Scope:
        """Give the scope.

        Raises:
            RequestError: it names a site and a class.
        """
        if self.site is not None and self.series_class is not None:
            raise RequestError("a policy is for a site or for a class, not for both")
        return Scope(self.site, self.series_class)


class AgesQuery(ScopeQuery):
    """Which ages to set; the others stay as they are."""

    raw: AgeText = None
    minute: AgeText = None
    hour: AgeText = None
    day: AgeText = None
    event: AgeText = None
    location: AgeText = None

    def ages(self) -> Ages:
        """Give the ages that are set.

        Raises:
            RequestError: one is no age, or there is none.
        """
        texts = {layer: getattr(self, layer) for layer in Layer}
        found: dict[Layer, Age] = {}
        for layer, text in texts.items():
            if text is not None:
                try:
                    found[layer] = parse_age(text)
                except RequestError as error:
                    raise RequestError(f"query.{layer}: {error}") from error
        if not found:
            raise RequestError(f"give at least one age of {', '.join(Layer)}")
        return found


class UnsetQuery(ScopeQuery):
    """Which ages to forget; none: all of the policy."""

    layer: list[Layer] = Field(default_factory=list)


@router.get("")
async def get_storage(context: InContext) -> Storage:
    """Tell how things are stored, and the size and span of every table that grows."""
    return Storage.model_validate(await describe_storage(context.pool))


@router.get("/plan")
async def get_plan(context: InContext) -> Plan:
    """Tell what the next run drops and what it waits for; changes nothing."""
    planned = await plan_run(context.pool, context.now())
    return Plan(planned=[Planned.model_validate(each, from_attributes=True) for each in planned])


@router.post("/retain", dependencies=[requires(Permission.STORAGE_WRITE)])
async def retain(context: InContext) -> Report:
    """Drop now what has expired, instead of with the next run of the hour; safe to repeat."""
    store = PostgresRetentionStore(context.pool, budget_s=RUN_BUDGET_S)
    return Report.model_validate(await store.run(context.now()))


@router.get("/policies")
async def list_policies(context: InContext) -> Policies:
    """List how long everything is kept."""
    policies = await read_policies(context.pool)
    now = context.now()
    return Policies(policies=[_show(scope, ages, now) for scope, ages in policies.items()])


@router.post("/policies/set", dependencies=[requires(Permission.STORAGE_WRITE)])
async def set_policy(
    query: Annotated[AgesQuery, InQuery()], context: InContext, author: InAuthor
) -> Policy:
    """Set ages for the installation, a site or a class of series; gives the whole policy."""
    ages = await change_policy(context.pool, query.scope(), query.ages(), (), author)
    return _show(query.scope(), ages, context.now())


@router.post("/policies/unset", dependencies=[requires(Permission.STORAGE_WRITE)])
async def unset_policy(
    query: Annotated[UnsetQuery, InQuery()], context: InContext, author: InAuthor
) -> Policy:
    """Forget ages of a site or a class: they are again as the next wider policy says."""
    unset = query.layer or list(Layer)
    ages = await change_policy(context.pool, query.scope(), {}, unset, author)
    return _show(query.scope(), ages, context.now())


def _show(scope: Scope, ages: Mapping[Layer, Age], now: datetime) -> Policy:
    bounds = {layer: kept_from(now, age) for layer, age in ages.items()}
    return Policy(
        scope=str(scope),
        site=scope.site,
        series_class=scope.series_class,
        ages={layer: format_age(ages[layer]) for layer in Layer if layer in ages},
        kept_from={layer: bound for layer, bound in bounds.items() if bound is not None},
    )
