"""How long things are kept, as events: each says all ages that its policy has from then on."""

from collections.abc import Collection
from typing import ClassVar

from weir.events.event import DomainEvent
from weir.model.retention import Age, Ages, Layer, Scope

ENTITY = "retention"


class RetentionChanged(DomainEvent):
    """Somebody changed how long a site, a class of series or the installation keeps things.

    `ages`: in days, None for ever; a layer that is not named is kept as the next wider policy says.
    """

    type: ClassVar[str] = "retention_changed"

    site: str | None
    series_class: str | None
    ages: dict[Layer, Age]


def entity_id(scope: Scope) -> str:
    """Name a policy in the journal."""
    if scope.series_class is not None:
        return f"class/{scope.series_class}"
    return "installation" if scope.site is None else f"site/{scope.site}"


def change(
    scope: Scope, ages: Ages, wanted: Ages, unset: Collection[Layer] = ()
) -> list[RetentionChanged]:
    """Decide what setting `wanted` and forgetting `unset` changes; nothing where it is so already.

    `ages`: what the policy has.
    """
    after = {layer: age for layer, age in {**ages, **wanted}.items() if layer not in unset}
    if after == dict(ages):
        return []
    # In one order, whatever order the ages were given in.
    ordered = {layer: after[layer] for layer in Layer if layer in after}
    return [RetentionChanged(site=scope.site, series_class=scope.series_class, ages=ordered)]


def evolve(ages: Ages, event: DomainEvent) -> Ages:
    """Give the ages of a policy after an event."""
    return event.ages if isinstance(event, RetentionChanged) else ages
