"""What is to be published to which device, and how often at most.

The same version goes to a device again when there is an occasion: it comes back, or says that it
runs something older. Then at the earliest `RESEND_MIN` after the last time, twice as long each
time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from weir.control_ports import WantedConfiguration
from weir.model.configuration import ConfigurationMessage
from weir.postgres.configuration_state import SELECTED, configuration_of
from weir.postgres.pool import Connection

RESEND_MIN = timedelta(seconds=30)
RESEND_MAX = timedelta(hours=1)
#: Configurations in one round: at most so many times 64 KiB in memory.
DUE_AT_ONCE_MAX = 200
WAITING_AT_ONCE_MAX = 500
#: Doublings that `RESEND_MAX` leaves room for, so that nothing overflows.
_DOUBLINGS_MAX = 10

_WAIT = f"""
    least(interval '{RESEND_MIN.total_seconds():.0f} seconds'
              * 2 ^ least(delivery.sent_count - 1, {_DOUBLINGS_MAX}),
          interval '{RESEND_MAX.total_seconds():.0f} seconds')
    """
WANT_AT_ONCE = """
    INSERT INTO configuration_delivery AS delivery (device_id, due_at) VALUES ($1, 'epoch')
    ON CONFLICT (device_id) DO UPDATE SET due_at = 'epoch', occasion = delivery.occasion + 1
    """
#: Of those for which something is wanted; whether they lack it is looked at when it is due.
WANT = f"""
    INSERT INTO configuration_delivery AS delivery (device_id, due_at)
    SELECT device_id, $1 FROM device JOIN device_configuration AS wanted USING (device_id)
    WHERE serial = ANY($2::text[]) AND wanted.version > 0 ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE
    SET occasion = delivery.occasion + 1, due_at = least(delivery.due_at, CASE
        WHEN delivery.sent_version = (SELECT version FROM device_configuration AS wanted
                                      WHERE wanted.device_id = delivery.device_id)
        THEN greatest($1, delivery.sent_at + {_WAIT})
        ELSE $1 END)
    """  # noqa: S608 - only constants are put together
WAITING = f"""
    SELECT serial, waiting::text AS waiting
    FROM configuration_delivery JOIN device USING (device_id)
    WHERE waiting IS NOT NULL ORDER BY device_id LIMIT {WAITING_AT_ONCE_MAX}
    """  # noqa: S608 - only constants are put together
_NOTE_WAITING = """
    INSERT INTO configuration_delivery (device_id, waiting) VALUES ($1, $2::jsonb)
    ON CONFLICT (device_id) DO UPDATE SET waiting = $2::jsonb
    """
_FORGET_WAITING = """
    UPDATE configuration_delivery SET waiting = NULL WHERE device_id = $1 AND waiting IS NOT NULL
    """
_DUE = f"""
    SELECT device_id, serial, state = 'active' AND NOT is_deleted AS is_let_in, occasion, {SELECTED}
    FROM configuration_delivery JOIN device USING (device_id)
    JOIN device_configuration AS configuration USING (device_id)
    WHERE due_at <= $1 ORDER BY due_at LIMIT {DUE_AT_ONCE_MAX}
    """  # noqa: S608 - only constants are put together
#: A device may have said meanwhile that it runs something older: then there is an occasion more.
_SETTLE = """
    UPDATE configuration_delivery AS delivery SET due_at = NULL
    FROM unnest($1::integer[], $2::bigint[]) AS settled (device_id, occasion)
    WHERE delivery.device_id = settled.device_id AND delivery.occasion = settled.occasion
    """
#: Where something newer is wanted by now, that stays due; after another occasion this one again.
_NOTE_SENT = f"""
    UPDATE configuration_delivery AS delivery
    SET sent_count = CASE WHEN sent_version = sent.version THEN sent_count + 1 ELSE 1 END,
        sent_version = sent.version, sent_at = $3,
        due_at = CASE WHEN wanted.version <> sent.version THEN due_at
                      WHEN delivery.occasion = sent.occasion THEN NULL
                      ELSE $3::timestamptz + interval '{RESEND_MIN.total_seconds():.0f} seconds' END
    FROM unnest($1::integer[], $2::bigint[], $4::bigint[]) AS sent (device_id, version, occasion)
    JOIN device_configuration AS wanted USING (device_id)
    WHERE delivery.device_id = sent.device_id
    """  # noqa: S608 - only constants are put together


async def note_waiting(connection: Connection, device_id: int, waiting: str | None) -> None:
    """Keep a report for later, or forget the one that was kept."""
    if waiting is None:
        await connection.execute(_FORGET_WAITING, device_id)
    else:
        await connection.execute(_NOTE_WAITING, device_id, waiting)


async def due(connection: Connection, now: datetime) -> list[WantedConfiguration]:
    """Give what is to be published; what is due and not needed any more is settled."""
    found: list[WantedConfiguration] = []
    needless: list[tuple[int, int]] = []
    for row in await connection.fetch(_DUE, now):
        configuration = configuration_of(row)
        document = configuration.document
        # One that is shut out gets it when it is let in again.
        if document is None or not configuration.is_to_be_sent or not row["is_let_in"]:
            needless.append((row["device_id"], row["occasion"]))
            continue
        wanted = configuration.wanted
        message = ConfigurationMessage(wanted.version, wanted.hash, document)
        found.append(WantedConfiguration(row["device_id"], row["serial"], message, row["occasion"]))
    if needless:
        await connection.execute(_SETTLE, *zip(*needless, strict=True))
    return found


async def note_sent(
    connection: Connection, sent: Sequence[WantedConfiguration], now: datetime
) -> None:
    """Take note of what the broker has for devices."""
    await connection.execute(
        _NOTE_SENT,
        [each.device_id for each in sent],
        [each.message.version for each in sent],
        now,
        [each.occasion for each in sent],
    )
