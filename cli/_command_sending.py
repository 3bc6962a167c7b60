"""Requests commands of devices and waits for what comes of them; whoever sends any shares this."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cli._client import Answer, Gateway
from cli._output import cell, print_note

PATH = "/v1/commands"
#: How long the gateway is asked to wait at once.
_WAIT_S = 15
_WAITING = frozenset({"requested", "sent", "delivered"})

#: Told of each step of a command as it happens: the command, and the step.
Tell = Callable[[Answer, Answer], None]


@dataclass(frozen=True)
class Request:
    """What is wanted, and of whom: `serials`, or all that are let in at `site`.

    `ttl_s`, `timeout_s`: None: what the gateway takes by itself. `skips_refused`: devices that
    refuse it are left out, where otherwise nobody is asked.
    """

    command: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    serials: Sequence[str] = ()
    site: str | None = None
    ttl_s: float | None = None
    timeout_s: float | None = None
    skips_refused: bool = False


def request_commands(gateway: Gateway, request: Request) -> list[Answer]:
    """Request a command; gives one for each device, as the gateway shows them.

    Raises:
        NotFoundError: there is no such device or site.
        ConflictError: the device is not let in.
        RequestError: devices refuse it; the message says which and why.
        WeirError: the gateway is away.
    """
    body: dict[str, Any] = {"command": request.command, "parameters": dict(request.parameters)}
    body |= {
        name: value
        for name, value in (("ttl_s", request.ttl_s), ("timeout_s", request.timeout_s))
        if value is not None
    }
    if len(request.serials) == 1 and not request.site:
        return [
            gateway.post(f"/v1/devices/{quote(request.serials[0], safe='')}/commands", body=body)
        ]
    body |= {"site": request.site} if request.site else {"devices": list(request.serials)}
    body["on_refusal"] = "skip" if request.skips_refused else "refuse_all"
    group = gateway.post(PATH, body=body)
    for refusal in group["refused"]:
        print_note(f"left out: {refusal['serial']}: {cell(refusal['message'])}")
    if group["refused_count"] > len(group["refused"]):
        print_note(f"left out: {group['refused_count']} devices in all")
    wanted = {"group": group["group_id"]}
    return list(gateway.get_all(PATH, wanted, key="commands", limit=None))[::-1]


def wait_for(gateway: Gateway, commands: Sequence[Answer], tell: Tell) -> list[Answer]:
    """Return when all have ended; gives each with its steps, in the same order.

    Raises:
        WeirError: the gateway is away, or refuses; the commands go on.
    """
    return [_wait_for_one(gateway, command["id"], tell) for command in commands]


def all_succeeded(commands: Sequence[Answer]) -> bool:
    """Tell whether each was carried out."""
    return all(command["state"] == "succeeded" for command in commands)


def outcome(command: Answer) -> str:
    """Say in a word or two, and in the device's own, what came of a command."""
    text = str(command["state"]).replace("_", " ")
    if command["error"]:
        text += f": {cell(command['error'])}"
    if command["late_status"]:
        text += f" (answered too late: {command['late_status']})"
    return text


def step_words(step: Answer) -> str:
    """Say a step for people."""
    words = str(step["step"]).replace("_", " ")
    if step["step"] == "sent" and step["data"].get("attempt", 1) > 1:
        words += " again"
    detail = step["data"].get("error") or step["data"].get("reason")
    return f"{words}: {cell(detail)}" if detail else words


def _wait_for_one(gateway: Gateway, id_: str, tell: Tell) -> Answer:
    seen_count = 0
    path = f"{PATH}/{id_}"
    command = gateway.get(path)
    while True:
        for step in _new_steps(command, seen_count):
            tell(command, step)
        seen_count = command["version"]
        if command["state"] not in _WAITING:
            return command
        command = gateway.get(path, {"wait_s": _WAIT_S, "after_version": seen_count})


def _new_steps(command: Answer, seen_count: int) -> Iterator[Answer]:
    yield from command["steps"][seen_count:]
