"""How the whole system looks: the same table for `iotctl up`, `iotctl status` and its lines."""

from weir.embedded.lifecycle import PartState
from weir.embedded.rabbitmq_files import ADMIN_USER
from weir.embedded.state import PartStatus, StackState

TITLES = ("PART", "STATE", "PORT", "RESTARTS", "READINGS/S", "LAG")
_STATE_TEXTS = {
    PartState.WAITING: "waiting",
    PartState.STARTING: "starting",
    PartState.READY: "ready",
    PartState.DONE: "done",
    PartState.BACKING_OFF: "ended",
    PartState.STOPPED: "stopped",
}
STATE_STYLES = {
    PartState.WAITING: "dim",
    PartState.STARTING: "yellow",
    PartState.READY: "green",
    PartState.DONE: "dim",
    PartState.BACKING_OFF: "red",
    PartState.STOPPED: "dim",
}
#: Below this, a lag is shown in milliseconds.
_SECOND = 1.0


def cells(part: PartStatus) -> tuple[str, ...]:
    """Give what each column says of a part; empty where there is nothing to say."""
    return (
        part.name,
        state_text(part),
        str(part.port or ""),
        str(part.restart_count or ""),
        "" if part.readings_per_s is None else f"{part.readings_per_s:,.0f}",
        _lag_text(part.lag_s),
    )


def state_text(part: PartStatus) -> str:
    """Say how a part is; of one that does not run, why."""
    text = _STATE_TEXTS[part.state]
    if part.state is PartState.STOPPED and part.process:
        return "stopping"
    if part.state is not PartState.BACKING_OFF or part.exit_code is None:
        return text
    how = f"signal {-part.exit_code}" if part.exit_code < 0 else f"code {part.exit_code}"
    return f"{text}, {how}"


def headline(state: StackState) -> str:
    """Say in a line how everything is."""
    parts = [part for part in state.parts if part.state is PartState.BACKING_OFF]
    if any(part.state is PartState.STOPPED for part in state.parts):
        return "stopping"
    if parts:
        # Of services that share a process, the process.
        names = dict.fromkeys(part.log.stem for part in parts)
        return f"restarting {', '.join(names)}: see {parts[0].log}"
    is_up = all(part.state in {PartState.READY, PartState.DONE} for part in state.parts)
    return "ready" if is_up else "starting"


def addresses(state: StackState) -> list[tuple[str, str, str]]:
    """Say what is where, and where its credentials are."""
    return [
        ("gateway", state.gateway_url, f"token in {state.credentials['gateway']}"),
        *_first_login(state),
        (
            "RabbitMQ UI",
            state.management_url,
            f"user {ADMIN_USER}, password in {state.credentials['management']}",
        ),
        ("MQTT", state.mqtt_url, "each device with a user of its own"),
    ]


def _first_login(state: StackState) -> list[tuple[str, str, str]]:
    # What an earlier release has written knows no administrator.
    password = state.credentials.get("admin")
    return [("log in", "as admin", f"first password in {password}")] if password else []


def _lag_text(lag_s: float | None) -> str:
    if lag_s is None:
        return ""
    return f"{lag_s * 1_000:.0f} ms" if lag_s < _SECOND else f"{lag_s:,.1f} s"
