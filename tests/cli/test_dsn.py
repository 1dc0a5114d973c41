from __future__ import annotations

import pytest

from sentryinit_cli.dsn import parse_dsn
from sentryinit_cli.verdicts import Failure, Verdict

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text, base, project",
    [
        (f"https://{KEY}@errors.example.com/7", "https://errors.example.com", "7"),
        (f"http://{KEY}@localhost:8000/7", "http://localhost:8000", "7"),
        (f"https://{KEY}@example.com/a/b/7", "https://example.com/a/b", "7"),
        (f"https://{KEY}@[::1]:8000/7", "https://[::1]:8000", "7"),
        (f" '{KEY and f'https://{KEY}@example.com/7'}'\n", "https://example.com", "7"),
        (f"https://{KEY}:secret@example.com/7", "https://example.com", "7"),
    ],
)
def test_the_parts_of_a_dsn(text: str, base: str, project: str) -> None:
    """Sub-path and port stay; quotes and blanks around it are taken away, as the core does."""
    dsn = parse_dsn(text, "a test")
    assert (dsn.base, dsn.project, dsn.key) == (base, project, KEY)
    assert dsn.envelope_url == f"{base}/api/{project}/envelope/"
    assert f"sentry_key={KEY}" in dsn.auth
    assert ("sentry_secret=secret" in dsn.auth) == (":secret@" in text)
    assert KEY not in repr(dsn)


@pytest.mark.parametrize(
    "text, word",
    [
        ("", "there is no DSN"),
        (f"{KEY}@example.com/7", "no scheme"),
        (f"ftp://{KEY}@example.com/7", "neither http nor https"),
        ("https://example.com/7", "no key"),
        (f"https://{KEY}@/7", "no host"),
        (f"https://{KEY}@example.com", "no project number"),
        (f"https://{KEY}@example.com/shop", "no project number"),
        (f"https://{KEY}@example.com/7/", "slash behind"),
        (f"https://{KEY}@example.com:x/7", "port"),
        (f"https://{KEY}@example.com:0/7", "port"),
        (f"'https://{KEY}@example.com/7", "quote"),
        (f"https://{KEY}@exam ple.com/7", "blank"),
    ],
)
def test_what_is_wrong_with_a_dsn(text: str, word: str) -> None:
    """The message says where it came from and what is wrong, without the key."""
    with pytest.raises(Failure, match=f"^HERE: .*{word}") as caught:
        parse_dsn(text, "HERE")
    assert caught.value.verdict is Verdict.CONFIGURATION
    assert KEY not in f"{caught.value.text}{caught.value.remedy}"
