"""Files for TLS that are not what they should be, each with its name in the message."""

from pathlib import Path

import pytest

from weir.errors import ConfigError
from weir.mqtt.tls import TlsFiles, make_context


def test_without_files_the_system_is_trusted() -> None:
    assert make_context(TlsFiles()).check_hostname


@pytest.mark.parametrize("which", ["ca", "certificate"])
@pytest.mark.parametrize("content", [None, b"not PEM"], ids=["missing", "not_pem"])
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, which: str, content: bytes | None
) -> None:
    path = tmp_path / f"{which}.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"TLS: .*{which}\.pem: "):
        make_context(TlsFiles(**{which: path}))
