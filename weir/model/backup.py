"""What a backup consists of: its manifest, which is written last and makes it whole."""

import re
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

#: Of this layout of files; a newer one is refused by an older Weir.
FORMAT = 1
MANIFEST = "manifest.json"
TABLES = "tables"
DEFINITIONS = "rabbitmq-definitions.json"
SETTINGS = "settings.json"
#: What PostgreSQL can tell apart.
ONE_INSTANT = timedelta(microseconds=1)
#: Names of tables and columns go into statements.
NAME_PATTERN = r"^[a-z_][a-z0-9_]{0,62}$"
_FILE_PATTERN = rf"^{TABLES}/[a-z_][a-z0-9_]{{0,62}}\.copy\.zst$"
_SHA256_PATTERN = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FilePart(_Part):
    """A part of a table in a file: PostgreSQL's binary COPY, compressed with Zstandard.

    `checksum`: of the rows, whatever their order: the sum of the hashes of their texts.
    """

    file: str = Field(pattern=_FILE_PATTERN)
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=_SHA256_PATTERN)
    row_count: int = Field(ge=0)
    checksum: int


class SequencePosition(_Part):
    """Where the numbers of a sequence have come to: at least as far as the rows."""

    name: str = Field(pattern=NAME_PATTERN)
    last_value: int
    is_called: bool


class TimeRange(_Part):
    """What one partition or chunk spans; `until` is not in it any more."""

    since: AwareDatetime
    until: AwareDatetime


class BackedUpTable(_Part):
    """One table: its columns in the order of the files, and what is in them."""

    name: str = Field(pattern=NAME_PATTERN)
    columns: tuple[str, ...]
    parts: tuple[FilePart, ...]
    ranges: tuple[TimeRange, ...] = ()

    @property
    def row_count(self) -> int:
        """Count the rows of all parts."""
        return sum(part.row_count for part in self.parts)

    @property
    def checksum(self) -> int:
        """Sum up all parts: the same as that of the whole table."""
        return sum(part.checksum for part in self.parts)

    @property
    def size_bytes(self) -> int:
        """Sum up the sizes of the files."""
        return sum(part.size_bytes for part in self.parts)


class AppliedMigration(_Part):
    """A migration that the database had, with the SHA-256 of its file."""

    name: str
    checksum: str = Field(pattern=_SHA256_PATTERN)


class Manifest(_Part):
    """All that is known of a backup.

    Attributes:
        tables: in an order in which none refers to a later one.
        other_files: SHA-256 of the files that are not of tables, by name.
    """

    format: int = Field(ge=1, le=FORMAT)
    weir_version: str
    made_at: AwareDatetime
    postgres_version: str
    storage_mode: str
    migrations: tuple[AppliedMigration, ...]
    tables: tuple[BackedUpTable, ...]
    sequences: tuple[SequencePosition, ...]
    other_files: dict[str, str] = Field(default_factory=dict)


def folder_name(made_at: datetime) -> str:
    """Name the folder of a backup by its time, so that a listing has them in order."""
    return f"weir-{made_at:%Y%m%dT%H%M%SZ}"


def is_folder_name(name: str) -> bool:
    """Tell whether a folder is called as `folder_name` calls them."""
    return re.fullmatch(r"weir-\d{8}T\d{6}Z", name) is not None
