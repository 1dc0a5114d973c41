from __future__ import annotations

from pathlib import Path

import pytest

from sentryinit_cli.tokens import read_token
from sentryinit_cli.verdicts import Failure, Verdict

TOKEN = "5afe" * 10


def test_the_order_of_the_sources(tmp_path: Path) -> None:
    """A file goes before a variable, and the own variable before Sentry's."""
    file = tmp_path / "token"
    file.write_bytes(f"\ufeff{TOKEN}\r\n".encode())
    environ = {"SENTRYINIT_AUTH_TOKEN": " ours ", "SENTRY_AUTH_TOKEN": "theirs", "SHOP": "'shops'"}
    assert read_token(environ, file, "SHOP") == TOKEN
    assert read_token(environ, None, "SHOP") == "shops"
    assert read_token(environ, None) == "ours"
    assert read_token(environ | {"SENTRYINIT_AUTH_TOKEN": " "}, None) == "theirs"


@pytest.mark.parametrize(
    "text, word",
    [
        ("", "no token"),
        (f"{TOKEN}\n{TOKEN}", "more than one line"),
        (f"Authorization: Bearer {TOKEN}", "begins as a header"),
        (f"Bearer {TOKEN}", "begins as a header"),
        (TOKEN[:32], "key of a DSN"),
        (f"https://{TOKEN}@example.com/1", "DSN"),
        (f"{TOKEN} {TOKEN}", "blank"),
        (f"{TOKEN}\u2019", "character"),
    ],
)
def test_what_is_no_token(text: str, word: str) -> None:
    """The variable and the mistake are named, and not the value."""
    with pytest.raises(Failure, match=f"^SHOP: .*{word}") as caught:
        read_token({"SHOP": text}, None, "SHOP")
    assert caught.value.verdict is Verdict.CONFIGURATION
    assert TOKEN[:32] not in f"{caught.value.text}{caught.value.remedy}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The file and the reason are named."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    empty = tmp_path / "empty"
    empty.touch()
    for path in binary, empty, tmp_path, tmp_path / "missing":
        with pytest.raises(Failure, match=path.name) as caught:
            read_token({"SENTRY_AUTH_TOKEN": TOKEN}, path)
        assert caught.value.verdict is Verdict.CONFIGURATION
