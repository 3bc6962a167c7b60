"""Whether the database has the schema of this version, and is one that Weir knows."""

from collections.abc import Sequence

from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok
from weir.errors import MigrationError, StoreUnavailableError
from weir.postgres.queries.doctor import read_database_facts
from weir.postgres.queries.status import missing_migrations

VERSION_MIN = 15
_START = "iotctl up    # or start PostgreSQL; its address is in WEIR_POSTGRES_URL"


async def check(installation: Installation) -> Sequence[Finding]:
    """Ask for its version, and compare its migrations with ours."""
    try:
        facts = await read_database_facts(installation.pool)
    except StoreUnavailableError as error:
        return [failure("PostgreSQL", str(error), _START)]
    extension = f", TimescaleDB {facts.timescaledb}" if facts.timescaledb else ""
    told = f"PostgreSQL {facts.version}{extension} answers"
    major = int(facts.version.split(".")[0].split(" ")[0])
    answer = (
        ok("PostgreSQL", told)
        if major >= VERSION_MIN
        else failure("PostgreSQL", f"{told}; Weir needs {VERSION_MIN}", "upgrade PostgreSQL")
    )
    return [answer, await _schema(installation)]


async def _schema(installation: Installation) -> Finding:
    try:
        missing = await missing_migrations(installation.pool)
    except MigrationError as error:
        return failure("schema", str(error), "run the version of Weir that has migrated it")
    if missing:
        return failure("schema", f"it lacks {', '.join(missing)}", "iotctl migrate")
    return ok("schema", "it is that of this version")
