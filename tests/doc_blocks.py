"""The code blocks of the documentation: what language they are in, and whether they can be run.

A block is run, unless a line before it says why not:

    <!-- not run: it needs a container engine -->
    <!-- run if: mosquitto_pub -->
"""

import re
from dataclasses import dataclass
from pathlib import Path

from weir.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>not run|run if): (?P<argument>.+?) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block, where it stands, and what the line before it says."""

    page: str
    line: int
    language: str
    text: str
    reason: str
    program: str

    @property
    def is_run(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            str(page.relative_to(ROOT)),
            text[: match.start("language")].count("\n") + 1,
            match["language"],
            match["text"],
            match["argument"] if match["marker"] == "not run" else "",
            match["argument"] if match["marker"] == "run if" else "",
        )
        for match in _BLOCK.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
