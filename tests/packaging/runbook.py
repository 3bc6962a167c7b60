"""The sections of the runbook, by the anchors under which they are linked."""

import re

from weir.paths import ROOT


def anchors(page: str = "docs/runbook.md") -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
