from __future__ import annotations

from pathlib import Path

import pytest
from doctored import DSN, Doctor

from sentryinit_cli.doctor import dsn_form, versions

KEY = "5e9b0ac1f4de47d08c63b2a7915fd30e"


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "raw,verdicts",
    [
        (DSN, {"dsn"}),
        (f"https://{KEY}@o1.ingest.sentry.io/17", {"dsn"}),
        (f'"{DSN}"', {"dsn-quotes", "dsn"}),
        (f"'{DSN}'", {"dsn-quotes", "dsn"}),
        (f" {DSN}\n", {"dsn-blanks", "dsn"}),
        (f" '{DSN}' ", {"dsn-blanks", "dsn-quotes", "dsn"}),
        (DSN.replace("@", "@ "), {"dsn-blank-inside"}),
        (DSN.removeprefix("https://"), {"dsn-scheme"}),
        (DSN.removeprefix("https:"), {"dsn-scheme"}),
        (DSN.replace("https", "ftp"), {"dsn-scheme"}),
        ("https://sentryinit.invalid/1", {"dsn-key"}),
        ("https://<key>@sentryinit.invalid/1", {"dsn-key"}),
        (f"https://{KEY}@/1", {"dsn-host"}),
        (f"https://{KEY}@host:99999/1", {"dsn-host"}),
        (f"https://{KEY}@host", {"dsn-project"}),
        (f"https://{KEY}@host/shop", {"dsn-project"}),
        (f"{DSN}/", {"dsn-project"}),
        (f"{DSN}?x=1", {"dsn-query"}),
        (f"https://{KEY}@host/errors/1", {"dsn", "dsn-subpath"}),
        (f"https://{KEY}:{KEY}@host/1", {"dsn", "dsn-secret"}),
        (f"http://{KEY}@errors.example.org/1", {"dsn", "dsn-clear-text"}),
        (f"http://{KEY}@10.0.0.7:8000/1", {"dsn"}),
    ],
)
def test_what_is_wrong_with_a_dsn_is_named(raw: str, verdicts: set[str]) -> None:
    """Each mistake by itself, without the key."""
    found = list(dsn_form.check(raw, "SENTRY_DSN"))
    assert {each.id for each in found} == verdicts
    assert KEY not in str(found)


@pytest.mark.parametrize(
    "variable,value,verdict,number",
    [
        ("SENTRY_DSN", "", "off", 1),
        ("SENTRYINIT_ENABLED", "no", "off", 1),
        ("SENTRY_DSN", "nonsense", "dsn-unusable", 2),
        ("SENTRYINIT_SERVICE", "", "service-unnamed", 4),
        ("SENTRY_RELEASE", "", "release-unknown", 5),
        ("SENTRYINIT_FLUSH_TIMEOT", "3", "setting-wrong", 10),
        ("SENTRYINIT_STORM_BURST", "many", "setting-wrong", 10),
        ("SENTRYINIT_DEBUG_TOKEN", "changeme", "debug-token-weak", 11),
        ("SENTRYINIT_DEBUG_TOKEN", "a" * 40, "debug-token-weak", 11),
        ("SENTRYINIT_SAMPLE_RATE", "0", "sample-rate-zero", 12),
        ("SENTRYINIT_IGNORE_PATHS", "*", "ignores-all", 13),
        ("SENTRYINIT_IGNORE_PATHS", "/*", "ignores-all", 13),
        ("SENTRYINIT_IGNORE_ERRORS", "Exception", "ignores-all", 13),
        ("SENTRYINIT_IGNORE_MESSAGES", ".*", "ignores-all", 13),
        ("SENTRYINIT_IGNORE_STATUSES", "500-599", "ignores-all", 13),
        ("SENTRYINIT_BEFORE_SEND", "gone.module:hook", "start-warning", None),
    ],
)
def test_setting_that_is_wrong_is_named(
    doctor: Doctor, variable: str, value: str, verdict: str, number: int | None
) -> None:
    """Without an application, too; with the number that Django's checks have."""
    doctor.environ({variable: value})
    found = doctor.examine("")
    assert found[verdict].number == number
    assert found[verdict].remedy
    assert doctor.report.is_fine == (found[verdict].level != "error")


def test_required_reporting_that_is_off_is_an_error(doctor: Doctor) -> None:
    """The service would not start."""
    doctor.environ({"SENTRYINIT_REQUIRED": "1", "SENTRY_DSN": ""})
    found = doctor.examine("")
    assert "required=true (from SENTRYINIT_REQUIRED)" in found["required"].text
    assert not doctor.report.is_fine


def test_settings_have_value_and_source(doctor: Doctor) -> None:
    """Where a value came from: the code, a variable, the default."""
    doctor.write(
        "import functools, sentryinit\ndef drop(secret, event, hint): ...\n"
        "hook = functools.partial(drop, 'hunter2hunter2')\n"
        "sentryinit.init('shop', tags={'team': 'hunter3hunter3'}, before_send=hook)\n"
        "def app(environ, start_response): ..."
    )
    doctor.environ(
        {
            "SENTRYINIT_HTTPS_PROXY": "http://u:pa55word@proxy:3128",
            "SENTRYINIT_MASK_PATTERNS": "s3cret",
        }
    )
    doctor.examine()
    rows = {name: (shown, source) for name, shown, source, _ in doctor.report.settings}
    assert rows["service"] == ("'shop'", "argument")
    assert rows["release"] == ("'1.4.2'", "SENTRY_RELEASE")
    assert rows["dsn"] == ("https://sentryinit.invalid, project 1", "SENTRY_DSN")
    assert rows["flush_timeout"] == ("2.0", "default")
    assert rows["tags"] == ("team", "argument")
    assert rows["before_send"] == ("partial", "argument")
    assert not [word for word in ("pa55word", "hunter2", "hunter3") if word in str(rows)]
    assert "s3cret" not in str(rows)


def test_old_sdk_and_different_wheels_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest release that is supported is what the core's wheel says."""
    found = {each.id for each in versions.check()}
    assert found == {"sdk", "versions"}
    known = {"sentry-sdk": "2.19.2", "sentryinit": "0.1.0", "sentryinit-flask": "0.2.0"}
    monkeypatch.setattr(versions, "_version", known.get)
    found = {each.id: each for each in versions.check()}
    assert found.keys() == {"sdk-old", "versions-differ"}
    assert "sentryinit-flask 0.2.0" in found["versions-differ"].text
