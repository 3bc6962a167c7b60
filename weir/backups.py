"""Backups of an installation: database, broker and settings, and the way back.

A folder for each: `manifest.json`, the files of the tables, what the broker knows of devices, and
the settings without secrets. It is made under another name and renamed when it is whole.
"""

import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from weir import __version__
from weir.config import Settings, reveal
from weir.errors import BackupError
from weir.model import backup as model
from weir.postgres.backup import Report, dump
from weir.postgres.backup_file import FILE_MODE, on_disk, sha256_of
from weir.postgres.migrate import migrate, read_migrations
from weir.postgres.restore import forget_streams, load
from weir.rabbitmq.definitions import load_definitions, save_definitions, user_of
from weir.rabbitmq.management import vhost_of

#: What a backup, and a restore, must be told where the broker is wanted.
BROKER_VARIABLES = ("WEIR_AMQP_URL", "WEIR_MANAGEMENT_URL")
#: A manifest of ten years of daily partitions has one megabyte.
MANIFEST_BYTES_MAX = 64 * 1024 * 1024
_SECRET_SUFFIXES = ("URL", "TOKEN")
_PART_SUFFIX = ".part"
#: Of the time of a restore, what reading the files beforehand takes.
_CHECK_SHARE = 0.1


async def back_up(
    settings: Settings, into: Path, made_at: datetime, environ: Mapping[str, str], report: Report
) -> tuple[Path, model.Manifest]:
    """Make a backup below `into`, beside a system that runs; gives its folder and its manifest.

    The broker is left out when `WEIR_MANAGEMENT_URL` is not set. `environ`: the settings as they
    were given, of which those are kept that are no secrets.

    Raises:
        BackupError: the files cannot be written.
        BrokerUnavailableError: the broker is away.
        StoreUnavailableError: the database is away.
    """
    folder = into / model.folder_name(made_at)
    draft = folder.with_name(folder.name + _PART_SUFFIX)
    _make_folder(folder, draft)
    try:
        manifest = await _write(settings, draft, made_at, environ, report)
        with on_disk(draft):
            draft.rename(folder)
    except BaseException:
        # Also when it was interrupted: a snapshot is gone with its transaction, and so is the
        # rest of the work.
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder, manifest


async def restore(
    settings: Settings, folder: Path, *, is_broker_new: bool, report: Report
) -> model.Manifest:
    """Bring a backup back into an empty installation, and prove that its tables are the same.

    `is_broker_new`: its streams begin anew, so the checkpoints are forgotten and the rollups
    computed again; else what the streams hold after the checkpoints is read once services start.

    Raises:
        BackupError: the backup is damaged, does not fit this version, or the database is not empty.
        BrokerUnavailableError: the database is restored, the broker is not: load it again.
        StoreUnavailableError: the database is away; nothing was changed.
    """
    manifest = check(folder, lambda share: report(_CHECK_SHARE * share))
    url = reveal(settings.postgres.for_schema, "WEIR_POSTGRES_URL")
    await _migrate_to(url, manifest)
    rest = 1 - _CHECK_SHARE
    await load(url, folder, manifest, lambda share: report(_CHECK_SHARE + rest * share))
    if is_broker_new:
        await forget_streams(url)
    await migrate(url)
    if settings.management.url and model.DEFINITIONS in manifest.other_files:
        management_url = reveal(settings.management.url, "WEIR_MANAGEMENT_URL")
        definitions = json.loads((folder / model.DEFINITIONS).read_bytes())
        await load_definitions(management_url, vhost_of(management_url), definitions)
    return manifest


def check(folder: Path, report: Report) -> model.Manifest:
    """Read the manifest and all files, and compare their checksums; asks no server.

    Raises:
        BackupError: something is missing, damaged or of a newer format.
    """
    manifest = read_manifest(folder)
    files = {part.file: part.sha256 for table in manifest.tables for part in table.parts}
    files |= manifest.other_files
    for count, (name, sha256) in enumerate(files.items(), 1):
        if sha256_of(folder / name) != sha256:
            raise BackupError(f"{folder / name} is damaged: it is not what the manifest says")
        report(count / len(files))
    return manifest


def read_manifest(folder: Path) -> model.Manifest:
    """Read what a backup says of itself.

    Raises:
        BackupError: there is none, or it is not one of ours.
    """
    path = folder / model.MANIFEST
    with on_disk(path):
        content = path.read_bytes() if path.stat().st_size <= MANIFEST_BYTES_MAX else b""
    try:
        return model.Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BackupError(
            f"{path} is not the manifest of a backup: {error.errors()[0]['msg']}"
        ) from error


def _make_folder(folder: Path, draft: Path) -> None:
    with on_disk(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            raise BackupError(f"{folder} is there already")
        draft.mkdir(mode=0o700)


async def _write(
    settings: Settings, folder: Path, made_at: datetime, environ: Mapping[str, str], report: Report
) -> model.Manifest:
    others = {}
    # Before the database: a device that is let in meanwhile is then in both, or only in the broker.
    if settings.management.url:
        url = reveal(settings.management.url, "WEIR_MANAGEMENT_URL")
        services = user_of(reveal(settings.amqp.url, "WEIR_AMQP_URL"))
        definitions = await save_definitions(url, vhost_of(url), [services])
        others[model.DEFINITIONS] = _put(folder, model.DEFINITIONS, definitions)
    others[model.SETTINGS] = _put(folder, model.SETTINGS, without_secrets(environ))
    dumped = await dump(reveal(settings.postgres.for_schema, "WEIR_POSTGRES_URL"), folder, report)
    manifest = model.Manifest(
        format=model.FORMAT,
        weir_version=__version__,
        made_at=made_at,
        postgres_version=dumped.postgres_version,
        storage_mode=dumped.storage_mode,
        migrations=dumped.migrations,
        tables=dumped.tables,
        sequences=dumped.sequences,
        other_files=others,
    )
    _put(folder, model.MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Choose the settings that may be shown."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if name.startswith("WEIR_") and not name.endswith(_SECRET_SUFFIXES)
    }


def _put(folder: Path, name: str, content: object) -> str:
    path = folder / name
    with on_disk(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    return sha256_of(path)


async def _migrate_to(url: str, manifest: model.Manifest) -> None:
    """Give the database exactly the schema of the backup.

    Raises:
        BackupError: this version has other migrations, or the database has more of them.
    """
    ours = {migration.name: migration.checksum for migration in read_migrations()}
    for theirs in manifest.migrations:
        if ours.get(theirs.name) != theirs.checksum:
            raise BackupError(
                f"the backup has migration {theirs.name} of Weir {manifest.weir_version}, which "
                f"this version ({__version__}) does not have like that: restore with that one"
            )
    await migrate(url, until=manifest.migrations[-1].name)
