"""Reads a Dockerfile: its instructions in order, each as one line."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword in capitals, and what follows on one line."""

    keyword: str
    line: str

    @property
    def words(self) -> list[str]:
        """What follows, as a shell would split it."""
        return shlex.split(self.line)


def read_dockerfile(text: str) -> list[Instruction]:
    """Join continued lines and leave out comments, which may stand between them."""
    lines = [line.rstrip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = []
    for line in joined.splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword:
            found.append(Instruction(keyword.upper(), " ".join(rest.split())))
    return found
