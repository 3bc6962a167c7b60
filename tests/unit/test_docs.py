"""What the documentation points to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FOLDERS = "weir|producers|consumers|cli|gateway|proto|deploy|tests|schemas|scripts|docs|benchmarks"
#: A path in code style, without a placeholder; `weir/_root/` is a folder of the wheel.
PATH = re.compile(rf"`((?:{FOLDERS})/(?!_root)[\w./-]+)`")


def test_every_link_leads_somewhere() -> None:
    broken = {
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    }
    assert set() == broken


def test_every_file_that_is_named_is_there() -> None:
    missing = {
        f"{page.relative_to(ROOT)}: {path}"
        for page in PAGES
        for path in PATH.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    }
    assert set() == missing
