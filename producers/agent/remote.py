"""The configuration of one device from afar: taken when it fits, and always reported."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from producers.agent.spool import Spool
from weir.codec.control.configuration import decode_configuration
from weir.errors import ConfigError, InvalidMessageError, SpoolFullError
from weir.model.configuration import ConfigurationMessage, ReportedConfiguration, hash_of
from weir.model.limits import ERROR_LENGTH_MAX

log = structlog.get_logger()

#: Checks a document and takes it into force, or raises `ConfigError` and leaves all as it was.
Apply = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class _Known:
    """What was taken last, as the spool remembers it; `digest`: our own hash of the document."""

    version: int = 0
    hash: str = ""
    digest: str = ""
    rejected_version: int = 0
    error: str = ""


class RemoteConfiguration:
    """What one device runs, against what it was sent."""

    def __init__(
        self, serial: str, spool: Spool, document: Mapping[str, Any], apply: Apply
    ) -> None:
        self._serial = serial
        self._spool = spool
        self._document = document
        self._apply = apply
        self._known = _Known()

    async def restore(self) -> None:
        """Remember which version the document is, unless somebody has changed it since."""
        key = self._key
        note = await self._spool.do(lambda file: file.note(key))
        if note is not None:
            self._known = _Known(**note)
        if self._known.digest != hash_of(self._document):
            self._known = _Known()

    @property
    def document(self) -> Mapping[str, Any]:
        """What the device runs, as it was written."""
        return self._document

    @property
    def reported(self) -> ReportedConfiguration:
        """What the device is to report."""
        known = self._known
        return ReportedConfiguration(
            version=known.version,
            hash=known.hash or hash_of(self._document),
            document=None if known.version else self._document,
            rejected_version=known.rejected_version,
            error=known.error,
        )

    async def note_change(self, document: Mapping[str, Any]) -> None:
        """Remember that somebody has changed the document at the device."""
        self._document = document
        self._known = _Known()
        await self._remember()

    async def take(self, body: bytes) -> None:
        """Take a configuration into force, or remember why not; an older one is passed over."""
        try:
            message = decode_configuration(body)
        except InvalidMessageError as error:
            log.warning("configuration_dropped", serial=self._serial, reason=str(error))
            return
        known = self._known
        if message.version < known.version or message.version == known.rejected_version:
            return
        if message.version == known.version and message.hash == known.hash:
            return
        try:
            await self._take(message)
        except ConfigError as error:
            log.warning(
                "configuration_rejected",
                serial=self._serial,
                version=message.version,
                reason=str(error),
            )
            known.rejected_version = message.version
            known.error = str(error)[:ERROR_LENGTH_MAX]
        await self._remember()

    async def _take(self, message: ConfigurationMessage) -> None:
        await self._apply(message.document)
        self._document = message.document
        digest = hash_of(message.document)
        self._known = _Known(message.version, message.hash, digest)
        log.info("configuration_taken", serial=self._serial, version=message.version)

    async def _remember(self) -> None:
        known = self._known
        note = {
            "version": known.version,
            "hash": known.hash,
            "digest": known.digest or hash_of(self._document),
            "rejected_version": known.rejected_version,
            "error": known.error,
        }
        try:
            await self._spool.do(lambda file: file.put_note(self._key, note))
        except SpoolFullError as error:
            # After a restart the server sends the configuration once more.
            log.warning("configuration_note_dropped", serial=self._serial, reason=str(error))

    @property
    def _key(self) -> str:
        return f"configuration/{self._serial}"
