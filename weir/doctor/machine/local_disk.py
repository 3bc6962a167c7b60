"""Whether the disk with the data of `iotctl up` has room."""

import shutil
from collections.abc import Sequence

from weir.doctor.finding import Finding, failure, ok, skipped, warning
from weir.doctor.machine_view import Machine

WARNED_BYTES = 5 * 1024**3
#: Broker and database stop soon.
FAILED_BYTES = 1024**3
_REMEDY = "free disk, or keep less: iotctl storage show, iotctl storage retain"


async def check(machine: Machine) -> Sequence[Finding]:
    """Look at the file system of the folder."""
    if not machine.folder.is_dir():
        return [skipped("disk", f"no system of this machine has data in {machine.folder}")]
    return [judge(str(machine.folder), shutil.disk_usage(machine.folder).free)]


def judge(folder: str, free_bytes: int) -> Finding:
    """Tell whether that is enough."""
    told = f"{free_bytes / 1024**3:.1f} GiB are free where {folder} is"
    if free_bytes < FAILED_BYTES:
        return failure("disk", told, _REMEDY)
    return warning("disk", told, _REMEDY) if free_bytes < WARNED_BYTES else ok("disk", told)
