"""A folder that private servers can use whoever runs the tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state_folder() -> Iterator[Path]:
    # Not pytest's own: that is closed to the account that servers run as.
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
