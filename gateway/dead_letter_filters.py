"""The filters that routes over dead letters have in common."""

from datetime import datetime

from pydantic import Field

from gateway.parameters import InstantText, Query, Text, instant_or_none
from weir.postgres.queries.dead_letters import DeadLetterFilter, DeadLetterState


class KeptQuery(Query):
    """Which dead letters, whatever became of them."""

    reason: Text | None = Field(None, description="`undecodable`, `implausible`, ...")
    consumer: Text | None = Field(None, description="who rejected it")
    serial: Text | None = Field(None, description="the device that sent it")
    since: InstantText = Field(None, description="kept at or after")
    until: InstantText = Field(None, description="kept before")

    def filter(self, now: datetime, state: DeadLetterState | None) -> DeadLetterFilter:
        """Say it in the words of the store.

        Raises:
            RequestError: a text is no instant.
        """
        return DeadLetterFilter(
            state=state,
            reason=self.reason,
            consumer=self.consumer,
            serial=self.serial,
            since=instant_or_none(self.since, now, "since"),
            until=instant_or_none(self.until, now, "until"),
        )


class StateQuery(KeptQuery):
    """Which dead letters, by what became of them too."""

    state: DeadLetterState | None = None

    def filter_at(self, now: datetime) -> DeadLetterFilter:
        """Say it in the words of the store.

        Raises:
            RequestError: a text is no instant.
        """
        return self.filter(now, self.state)
