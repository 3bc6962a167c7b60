"""Lists that the gateway gives in pages: so many rows, and a word when there are more."""

from collections.abc import Sequence
from dataclasses import dataclass

from cli._client import Parameters, open_gateway
from cli._output import Column, Format, print_note, print_rows


@dataclass(frozen=True)
class Listing:
    """What is listed: the path, the key of the rows in an answer, and their name in the plural.

    `order`: which rows a list that is cut has, the `first` or the `newest`.
    """

    path: str
    key: str
    name: str
    order: str = "first"

    def show(
        self,
        wanted: Parameters,
        columns: Sequence[Column],
        limit: int,
        output: Format,
    ) -> None:
        """Print at most `limit` rows of those that are wanted.

        Raises:
            WeirError: the gateway is away, or refuses.
        """
        with open_gateway() as gateway:
            # One more than is shown tells whether there are others.
            found = list(gateway.get_all(self.path, wanted, key=self.key, limit=limit + 1))
        print_rows(found[:limit], columns, output)
        if not found:
            print_note(f"no {self.name}")
        elif len(found) > limit:
            print_note(f"and more: only the {self.order} {limit} are listed (--limit)")
