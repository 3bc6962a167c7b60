"""A site comes, changes, goes when nothing is at it, and may come back."""

import pytest

from weir.errors import ConflictError, NotFoundError
from weir.events.site import Change, Create, Remove, Site, SiteChanged, decide, evolve


def after(site: Site, *commands: Create | Change | Remove) -> Site:
    for command in commands:
        for event in decide(site, command):
            site = evolve(site, event)
    return site


HARBOUR = after(Site(), Create(3, "Harbour", "Europe/Berlin"))


def test_only_what_changes_is_in_the_event() -> None:
    assert [SiteChanged(name="Port")] == decide(HARBOUR, Change("Port", "Europe/Berlin"))
    assert [] == decide(HARBOUR, Change("Harbour", None))


def test_a_site_with_devices_stays() -> None:
    with pytest.raises(ConflictError, match="2; move them"):
        decide(HARBOUR, Remove(2))


def test_a_site_that_comes_back_goes_on_with_its_history() -> None:
    site = after(HARBOUR, Remove(0), Create(9, "New harbour"))

    assert Site(3, 9, "New harbour", "UTC") == site


def test_what_is_there_is_not_made_and_what_is_not_there_is_not_changed() -> None:
    with pytest.raises(ConflictError):
        decide(HARBOUR, Create(4, "Harbour"))
    for command in (Change("x"), Remove(0)):
        with pytest.raises(NotFoundError):
            decide(Site(), command)
