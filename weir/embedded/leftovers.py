"""End what a killed supervisor left running: the processes that it recorded, and nothing else."""

import contextlib

import psutil

from weir.embedded.process import descendants, kill_all, wait_ended
from weir.embedded.state import StackState

#: For all of them together, before they are killed.
GRACE_S = 5.0


def end_leftovers(state: StackState | None) -> list[str]:
    """End the recorded processes that still are what was recorded; gives their parts' names.

    Services end before the servers that they use, and each is asked before it is killed.
    """
    if state is None:
        return []
    found = [
        (part.name, process)
        for part in reversed(state.parts)
        if part.process and (process := part.process.find())
    ]
    below = [child for _, process in found for child in descendants(process.pid)]
    processes = [process for _, process in found]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    alive = wait_ended(processes, GRACE_S)
    kill_all([*alive, *below])
    wait_ended([*alive, *below], GRACE_S)
    return [name for name, _ in found]
