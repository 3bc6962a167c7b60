"""Sends the readings of a file to the gateway in chunks, and accounts for every row."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from cli._client import Answer, Gateway
from cli._output import print_note
from producers.import_file import ImportFile, ImportReading, ImportRow, Refusal
from weir.errors import GatewayUnavailableError

PATH = "/v1/readings/import"
#: Below the megabyte that the gateway takes at once.
CHUNK_BYTES_MAX = 900_000
#: A gateway or broker that is away is asked again after so many seconds, and then given up.
RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
#: Refusals that are told on the screen; all of them are in the file of refused rows.
QUOTED_MAX = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Refuse = Callable[[ImportRow], object]


@dataclass(frozen=True, slots=True)
class ImportTask:
    """What to do with a file; `refuse` is called with each row that has a refusal, once."""

    file: ImportFile
    is_dry_run: bool
    enrols: bool
    refuse: Refuse


@dataclass(slots=True)
class ImportAccount:
    """What became of a file: each row is counted, and each reading is sent or in a refused row."""

    row_count: int = 0
    accepted_count: int = 0
    missing_count: int = 0
    refused_row_count: int = 0
    quoted: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Chunk:
    """Rows whose readings are the lines of a request, in this order."""

    rows: list[ImportRow] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    origins: list[tuple[ImportRow, ImportReading]] = field(default_factory=list)
    size_bytes: int = 0


def import_file(
    gateway: Gateway, task: ImportTask, on_progress: Callable[[ImportAccount], object]
) -> ImportAccount:
    """Send a whole file; `on_progress` is called after each chunk.

    Raises:
        GatewayUnavailableError: it stays away; what was sent is sent.
        WeirError: the gateway refuses altogether.
    """
    account = ImportAccount()
    for chunk in _chunks(task.file.rows()):
        origins = iter(chunk.origins)
        for lines in _requests(chunk.lines):
            answer = _send(gateway, task, lines, account)
            account.accepted_count += answer["accepted_count"]
            sent = list(islice(origins, len(lines)))
            for refused in answer["refused"]:
                row, reading = sent[refused["row"] - 1]
                column = task.file.column_of(refused["column"]) or reading.column
                row.refusals.append(Refusal(column, refused["reason"]))
        _account_for(account, chunk.rows, task.refuse)
        on_progress(account)
    return account


def _chunks(rows: Iterator[ImportRow]) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for row in rows:
        lines = [_line(reading) for reading in row.readings]
        size_bytes = sum(map(len, lines)) + len(lines)
        if chunk.rows and chunk.size_bytes + size_bytes > CHUNK_BYTES_MAX:
            yield chunk
            chunk = _Chunk()
        chunk.rows.append(row)
        chunk.lines += lines
        chunk.origins += [(row, reading) for reading in row.readings]
        chunk.size_bytes += size_bytes
    if chunk.rows:
        yield chunk


def _requests(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Give the lines as they fit into requests: one row may have more than one can take."""
    request: list[bytes] = []
    size_bytes = 0
    for line in lines:
        if request and size_bytes + len(line) > CHUNK_BYTES_MAX:
            yield request
            request, size_bytes = [], 0
        request.append(line)
        size_bytes += len(line) + 1
    if request:
        yield request


def _line(reading: ImportReading) -> bytes:
    row: dict[str, Any] = {
        "serial": reading.serial,
        "field": reading.field,
        "observed_at": (_EPOCH + timedelta(microseconds=reading.observed_at_us)).isoformat(),
        "value": reading.value,
    }
    if reading.unit:
        row["unit"] = reading.unit
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _send(
    gateway: Gateway, task: ImportTask, lines: Sequence[bytes], account: ImportAccount
) -> Answer:
    parameters = {"dry_run": task.is_dry_run, "enrol": task.enrols}
    body = b"\n".join(lines)
    for delay_s in (*RETRY_DELAYS_S, None):
        try:
            return gateway.post_lines(PATH, parameters, body)
        except GatewayUnavailableError as error:
            if delay_s is None:
                raise GatewayUnavailableError(
                    f"{error}\n{account.accepted_count} readings were taken; import the file again "
                    "when it is back: what is stored is not stored twice"
                ) from error
            print_note(f"waiting: {error}")
            time.sleep(delay_s)
    raise AssertionError("the last attempt returns or raises")


def _account_for(account: ImportAccount, rows: Sequence[ImportRow], refuse: Refuse) -> None:
    for row in rows:
        account.row_count += 1
        account.missing_count += row.missing_count
        if not row.refusals:
            continue
        account.refused_row_count += 1
        for refusal in row.refusals:
            if len(account.quoted) < QUOTED_MAX:
                where = f", column {refusal.column!r}" if refusal.column else ""
                account.quoted.append(f"line {row.number}{where}: {refusal.reason}")
        refuse(row)
