"""What the shell offers while a command line is typed."""

from weir.errors import WeirError

#: Nobody waits longer for a list that they may not need.
_PATIENCE_S = 1.0
_OFFERED_MAX = 100


def complete_serial(incomplete: str) -> list[str]:
    """Offer the serials that start so; nothing when no gateway answers in time."""
    # Here, because every command that takes a serial imports this, and few are being completed.
    from cli._client import open_gateway

    try:
        with open_gateway(patience_s=_PATIENCE_S) as gateway:
            devices = gateway.get("/v1/devices", {"search": incomplete, "limit": _OFFERED_MAX})[
                "devices"
            ]
    except WeirError:
        return []
    return [device["serial"] for device in devices]
