"""The file of a fleet: each mistake is named before anything is sent, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentryinit_cli.fleet_file import read_fleet
from sentryinit_cli.fleet_keys import KEYS
from sentryinit_cli.target import Target
from sentryinit_cli.verdicts import Failure, Verdict

KEY = "0123456789abcdef0123456789abcdef"
DSN = f"https://{KEY}@glitchtip.example/17"
SECRET = "fedcba9876543210" * 4
ENVIRON = {
    "SENTRY_AUTH_TOKEN": SECRET,
    "SENTRYINIT_DEBUG_TOKEN": "debug-secret",
    "OTHER_TOKEN": "other-secret",
    "ORDERS_DSN": DSN,
    "ORDERS_RELEASE": "1.4.2",
}
GOOD = f"""
[[service]]
name = "orders"
url = "https://orders.example/debug/sentry-panic"
dsn = "{DSN}"
"""


def read(tmp_path: Path, text: str, **more: str) -> list[Target]:
    file = tmp_path / "services.toml"
    file.write_text(text, "utf-8")
    return read_fleet(file, {**ENVIRON, **more})


def mistakes(tmp_path: Path, text: str, **more: str) -> list[str]:
    with pytest.raises(Failure) as caught:
        read(tmp_path, text, **more)
    assert caught.value.verdict is Verdict.USAGE
    said = f"{caught.value.text} {caught.value.remedy}"
    assert not any(each in said for each in (KEY, SECRET, "debug-secret", "hunter2"))
    return caught.value.text.removeprefix("services.toml: ").splitlines()


def test_an_entry(tmp_path: Path) -> None:
    """An entry needs a name, a URL and a DSN; tokens are those of the environment."""
    (target,) = read(tmp_path, GOOD)
    assert (target.name, target.expected.service, target.dsn.project) == ("orders", "orders", "17")
    assert (target.token, target.debug_token) == (SECRET, "debug-secret")
    assert SECRET not in repr(target)
    assert "debug-secret" not in repr(target)


def test_all_keys(tmp_path: Path) -> None:
    """Every key has its place; an entry wins over the defaults."""
    (target,) = read(
        tmp_path,
        """
        [defaults]
        environment = "production"
        backend = "glitchtip"
        token_variable = "OTHER_TOKEN"
        timeout = 5
        org = "shop"
        [[service]]
        name = "orders-eu"
        service = "orders"
        url = "https://orders.example/debug/sentry-panic"
        project = 17
        base = "https://glitchtip.example/"
        api_url = "https://pages.example/"
        environment = "staging"
        release_variable = "ORDERS_RELEASE"
        server_name = "orders"
        debug_token_variable = "OTHER_TOKEN"
        """,
    )
    assert (target.name, target.expected.service) == ("orders-eu", "orders")
    assert (target.expected.environment, target.expected.release) == ("staging", "1.4.2")
    assert (target.token, target.debug_token) == ("other-secret", "other-secret")
    assert (target.dsn.base, target.dsn.host) == ("https://glitchtip.example", "glitchtip.example")
    assert (target.backend, target.timeout, target.api) == ("glitchtip", 5, "https://pages.example")


MISTAKES = {
    GOOD
    + "enviroment = 'x'": "orders: enviroment: there is no such key; did you mean environment?",
    GOOD + "token = 'hunter2'": "orders: token: a token is never written in the file",
    GOOD + "debug_token = 'hunter2'": "orders: debug_token: a token is never written in the file",
    GOOD + "auth_token = 'hunter2'": "orders: auth_token: a token is never written in the file",
    GOOD + f"token_variable = '{SECRET}'": "orders: token_variable: found a text (not shown), "
    "expected the name of an environment variable",
    GOOD + f"org = 'sntrys_{SECRET}'": "orders: org: found what looks like a token (not shown)",
    GOOD + "timeout = '5'": "orders: timeout: found '5', expected a number above 0",
    GOOD + "timeout = nan": "orders: timeout: found nan, expected a number above 0",
    GOOD + f"timeout = {'9' * 400}": "orders: timeout: found ",
    GOOD + f"timeout = {'9' * 5000}": "services.toml is not valid TOML",
    GOOD + f"x = {'[' * 4000}": "services.toml is not valid TOML",
    GOOD + "timeout = true": "orders: timeout: found True, expected a number above 0",
    GOOD
    + "backend = 'GlitchTip'": "orders: backend: found 'GlitchTip', expected one of glitchtip, "
    "bugsink, sentry; did you mean glitchtip?",
    GOOD + "release = 17": "orders: release: found 17, expected a text",
    GOOD
    + "project = 17": "orders: found dsn and project, expected one of dsn, dsn_variable, project",
    GOOD + "release = '1'\nrelease_variable = 'ORDERS_RELEASE'": "orders: found release and "
    "release_variable, expected one of them",
    GOOD + "release_variable = 'NOT_THERE'": "orders: release_variable: the variable NOT_THERE is "
    "not set",
    GOOD + GOOD: "orders: name: found twice",
    GOOD.replace("https://orders", "https://u:hunter2@orders"): "orders: url: found a text (not "
    "shown), expected an address, https://..., without user, password and token: it has a user",
    GOOD.replace("panic", "panic?token=hunter2"): "orders: url: found a text (not shown), expected",
    GOOD.replace('url = "', 'uri = "'): "orders: uri: there is no such key; did you mean url?",
    GOOD.replace("name", "# name"): "service number 1: name: it is missing, expected a text",
    GOOD.replace(f'dsn = "{DSN}"', ""): "orders: found none of them, expected one of dsn, ",
    GOOD.replace(f'dsn = "{DSN}"', "project = 17"): "orders: base: it is missing",
    GOOD.replace(f'dsn = "{DSN}"', "dsn = 'https://glitchtip.example/17'"): "orders: dsn",
    "[defaults]\nname = 'x'\n" + GOOD: "defaults: name: it is different for each service",
    "[default]\nbackend = 'sentry'\n"
    + GOOD: "default: there is no such table; did you mean defaults?",
    "defaults = 3\n" + GOOD: "defaults: expected a table, [defaults]",
    "service = 3": "service: expected a table for each service, [[service]]",
    "": "there is no service: expected at least one table [[service]]",
    "[[service]": "services.toml is not valid TOML at line 1",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_is_named(text: str, tmp_path: Path) -> None:
    """A mistake names entry, key, what was found and what is expected; a secret is not shown."""
    said = mistakes(tmp_path, text)
    assert any(line.startswith(MISTAKES[text]) for line in said), said


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """A file with mistakes in two entries has a line for each."""
    other = GOOD.replace("orders", "billing") + "releese = '1'\ntimeout = 0\n"
    assert len(mistakes(tmp_path, GOOD + "enviroment = 'x'\n" + other)) == 3


def test_a_token_that_is_not_there(tmp_path: Path) -> None:
    """A missing variable is a mistake of the entry that needs it, and is named."""
    said = mistakes(tmp_path, GOOD, SENTRY_AUTH_TOKEN="", SENTRYINIT_DEBUG_TOKEN="")
    assert said
    assert said[0].startswith("orders: ")


def test_a_file_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    """What editors of Windows put in front is no mistake."""
    assert mistakes(tmp_path, "\ufeff" + GOOD + "enviroment = 'x'") == mistakes(
        tmp_path, GOOD + "enviroment = 'x'"
    )


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A missing file, a folder, and one that is not in UTF-8 are wrong usage."""
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# \xe9")
    for path in (tmp_path / "none.toml", tmp_path, latin):
        with pytest.raises(Failure) as caught:
            read_fleet(path, ENVIRON)
        assert caught.value.verdict is Verdict.USAGE


def test_every_key_has_a_text() -> None:
    """Every key has what the reference says about it."""
    assert all(key.doc and key.expected for key in KEYS.values())
