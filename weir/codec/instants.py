"""Check single instants; columns of them have `weir.codec.times`."""

from weir.errors import ImplausibleReadingError
from weir.model.limits import FUTURE_US_MAX, OBSERVED_AT_US_MIN


def check_instant(what: str, instant_us: int, received_at_us: int) -> int:
    """Give back an instant at which a device can have observed something.

    Raises:
        ImplausibleReadingError: before 2000, or over a day after `received_at_us`.
    """
    if instant_us < OBSERVED_AT_US_MIN:
        raise ImplausibleReadingError(f"{what} before 2000 ({instant_us} us)")
    latest_us = received_at_us + FUTURE_US_MAX
    if instant_us > latest_us:
        raise ImplausibleReadingError(f"{what} after {latest_us} us, over a day ahead")
    return instant_us
