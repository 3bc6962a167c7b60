"""Every exception that Weir raises on purpose.

* WeirError
  x ConfigError                start-up only: print one line each, exit 78
  x InvalidMessageError        dead-letter at once; a retry cannot help
    + DecodeError              bytes do not match the declared schema
    + OversizeError            more bytes, readings or fields than one message may carry
    + UnknownEventError        no such type, or a version newer than ours
    + WrongSerialError         the payload names another device than the routing key
    + ImplausibleReadingError  decoded, but breaks a rule of the model
    + RejectedByStoreError     the database refused this very value
    + HeldBackError            its device is not let in; replay it when it is
      - NotApprovedError       it waits for an operator's approval
      - DeviceDisabledError    an operator has shut it out
      - DeviceDeletedError     an operator has deleted it
    + UnknownDeletionError     nobody asked for this deletion of readings
    + UnknownCommandError      a reply to a command that its device was never sent
  x TransientError             retry with back-off; may carry `retry_after_s`
    + BrokerUnavailableError
      - QueueFullError         it is there, and a queue takes no more of this
    + StreamReplacedError      the stream is a new one: it ends before the checkpoint
    + StoreUnavailableError
    + GatewayUnavailableError
    + DeviceUnavailableError
    + SpoolFullError           the edge agent has no room for what it has read
  x RefusedItemsError          some items of a commit cannot be accepted; nothing was stored
  x TooManyDeadLettersError    a consumer rejects nearly everything, and has stopped
  x ConflictError              the stream moved past the expected version: reload, retry
    + PreconditionFailedError  somebody has changed it since the caller has read it
  x BackupError                a backup cannot be written, or is not what it says
  x MigrationError             the database's schema and the migration files disagree
  x NotFoundError              no such device, field or resource
  x CommandRefusedError        a device cannot, or must not, carry out a command
  x RequestError               a request that the gateway refused, with its reason
    + RefusedPartsError        what it asks for is refused; says of each part why
    + PreconditionRequiredError  a change must say which version it is of
    + UnauthorizedError        no credential, or one that does not hold (any more)
    + ForbiddenError           the credential holds, but does not permit this
    + TooManyRequestsError     ask less often; carries `retry_after_s`
  x ProcessError               a process that we started cannot start, or does not become ready
"""

from collections.abc import Collection, Mapping, Sequence


class WeirError(Exception):
    """The root of everything that Weir raises on purpose."""


class ConfigError(WeirError):
    """Settings, files or plugins are wrong; `problems` has one sentence for each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InvalidMessageError(WeirError):
    """A message that can never be accepted as it is.

    `reason` is the stable code that a dead letter keeps.
    """

    reason = "invalid"


class DecodeError(InvalidMessageError):
    """The bytes do not match the declared schema."""

    reason = "undecodable"


class OversizeError(InvalidMessageError):
    """More bytes, readings or fields than one message may carry."""

    reason = "oversize"


class UnknownEventError(InvalidMessageError):
    """No such type of message, or a version newer than ours."""

    reason = "unknown_type"


class WrongSerialError(InvalidMessageError):
    """The payload names another device than the routing key, or the key has no valid serial."""

    reason = "wrong_serial"


class ImplausibleReadingError(InvalidMessageError):
    """Decoded, but breaks a rule of the model: a time or a value out of bounds."""

    reason = "implausible"


class RejectedByStoreError(InvalidMessageError):
    """The database refused the content itself, so a retry cannot help."""

    reason = "rejected_by_store"


class HeldBackError(InvalidMessageError):
    """The message's device is not let in; what it sends is kept until it is."""

    reason = "held_back"


class NotApprovedError(HeldBackError):
    """The message's device waits for approval."""

    reason = "not_approved"


class DeviceDisabledError(HeldBackError):
    """An operator has shut the message's device out."""

    reason = "device_disabled"


class DeviceDeletedError(HeldBackError):
    """An operator has deleted the message's device."""

    reason = "device_deleted"


#: Reasons of dead letters that say nothing against the message itself.
HELD_BACK_REASONS = frozenset(
    {NotApprovedError.reason, DeviceDisabledError.reason, DeviceDeletedError.reason}
)


class UnknownDeletionError(InvalidMessageError):
    """A message wants readings deleted, and nobody has asked for that."""

    reason = "unknown_deletion"


class UnknownCommandError(InvalidMessageError):
    """A device answers a command that it was never sent, or that is kept no more."""

    reason = "unknown_command"


class RefusedItemsError(WeirError):
    """Some items of a commit can never be accepted, by their index; nothing was stored.

    `serials`: the devices of which nothing is accepted, where that is why.
    """

    def __init__(
        self, errors: Mapping[int, InvalidMessageError], serials: Collection[str] = ()
    ) -> None:
        super().__init__(f"{len(errors)} items were refused")
        self.errors = errors
        self.serials = serials


class TooManyDeadLettersError(WeirError):
    """A consumer rejects nearly everything: more likely its fault than the devices'."""


class TransientError(WeirError):
    """Retry later; `retry_after_s` is the other side's wish, when it has one."""

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BrokerUnavailableError(TransientError):
    """RabbitMQ cannot be reached, or closed the connection."""


class QueueFullError(BrokerUnavailableError):
    """The broker has not taken one message, because a queue that it is for is full."""


class StreamReplacedError(TransientError):
    """The stream ends before the offset that was asked for: it was made anew."""


class StoreUnavailableError(TransientError):
    """PostgreSQL cannot be reached, or closed the connection."""


class GatewayUnavailableError(TransientError):
    """The gateway cannot be reached."""


class DeviceUnavailableError(TransientError):
    """What a driver reads does not answer; the next poll may do."""


class SpoolFullError(TransientError):
    """The edge agent's spool, or its disk, has no room for a message."""


class CommandRefusedError(WeirError):
    """A device cannot, or must not, carry out a command; the message is what it answers."""


class ConflictError(WeirError):
    """The stored version is not the expected one: somebody else was faster."""


class PreconditionFailedError(ConflictError):
    """Somebody has changed it since the caller has read it."""


class BackupError(WeirError):
    """A backup cannot be written or read, is not what its manifest says, or does not fit here."""


class MigrationError(WeirError):
    """The database's schema and the migration files disagree."""


class NotFoundError(WeirError):
    """No such device, field or resource."""


class RequestError(WeirError):
    """The gateway refused a request; the message is the reason that it gave."""


class RefusedPartsError(RequestError):
    """What was asked for is refused; `parts`: (where in the request, why) of each wrong part."""

    def __init__(self, message: str, parts: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.parts = parts


class PreconditionRequiredError(RequestError):
    """A change must say which version it is of."""


class UnauthorizedError(RequestError):
    """No credential was shown, or one that does not hold (any more)."""


class ForbiddenError(RequestError):
    """The credential holds, but does not permit this."""


class TooManyRequestsError(RequestError):
    """The caller has asked too often; `retry_after_s` says when to ask again."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProcessError(WeirError):
    """A process that we started, or want to start, cannot start or does not become ready."""
