"""The ignore lists: rules for classes, messages, statuses and paths."""

from __future__ import annotations

import concurrent.futures
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linked import Mute, during, from_, linked_exceptions

from sentryinit._policy import ignore_rules
from sentryinit._policy.exceptions import text_of
from sentryinit._policy.ignore_rules import IgnoreRules, matches

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


class OutOfStock(LookupError):
    """An exception of the application."""

    class Inner(Exception):
        """Has a dotted qualified name."""


def test_class_matches_subclasses() -> None:
    """A class matches its subclasses."""
    assert matches(OutOfStock(), LookupError)


def test_class_does_not_match_other_classes() -> None:
    """A class does not match unrelated classes."""
    assert not matches(ValueError(), LookupError)


@pytest.mark.parametrize(
    "rule",
    [
        f"{__name__}.OutOfStock",
        "builtins.LookupError",
        "LookupError",
        "Exception",
        "builtins.Exception",
    ],
)
def test_dotted_name_matches_class_and_subclasses(rule: str) -> None:
    """A dotted name matches the class and its subclasses; a builtin needs no module."""
    assert matches(OutOfStock(), rule)


@pytest.mark.parametrize(
    "rule", ["OutOfStock", "no.such.OutOfStock", "os.path", "ValueError", "sys.modules", "."]
)
def test_name_of_another_object_matches_nothing(rule: str) -> None:
    """A name that is not one of the exception's classes matches nothing and does not raise."""
    assert not matches(OutOfStock(), rule)


def test_qualified_name_matches_a_nested_class() -> None:
    """The qualified name of a nested class contains dots."""
    assert matches(OutOfStock.Inner(), f"{__name__}.OutOfStock.Inner")


def test_public_alias_matches() -> None:
    """The documented name matches, although the class was defined in another module."""
    assert concurrent.futures.CancelledError.__module__ == "concurrent.futures._base"
    assert matches(concurrent.futures.CancelledError(), "concurrent.futures.CancelledError")


def test_name_is_not_imported() -> None:
    """A name in a module that is not imported matches nothing, and is not imported."""
    sys.modules.pop("this", None)

    assert not matches(ValueError(), "this.Error")
    assert "this" not in sys.modules


def test_name_matches_a_class_without_its_module() -> None:
    """The name of the class is enough."""
    vanished = type("Vanished", (Exception,), {"__module__": "plugins.vanished"})

    assert matches(vanished(), "plugins.vanished.Vanished")


@pytest.mark.parametrize("name", ["trio.Cancelled", "greenlet.GreenletExit"])
def test_default_list_matches_by_name(name: str) -> None:
    """Abandoned work is ignored by default."""
    module, _, attribute = name.rpartition(".")
    exc = type(attribute, (BaseException,), {"__module__": module})()

    assert IgnoreRules().ignores_error(exc)


def test_default_list_has_cancelled_futures() -> None:
    """A cancelled future is abandoned work."""
    assert IgnoreRules().ignores_error(concurrent.futures.CancelledError())


def test_other_errors_are_not_ignored_by_default() -> None:
    """Any other error is reported by default."""
    assert not IgnoreRules().ignores_error(ValueError())


def test_error_with_an_ignored_cause_is_ignored() -> None:
    """An error raised from an ignored one is ignored."""
    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), OutOfStock()))


def test_error_with_an_ignored_context_is_not_ignored() -> None:
    """An error raised during an ignored one is reported."""
    assert not IgnoreRules([OutOfStock]).ignores_error(during(RuntimeError(), OutOfStock()))


def test_group_of_ignored_errors_is_ignored() -> None:
    """A group is ignored if all its members are."""
    assert IgnoreRules([OutOfStock, KeyError]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), KeyError()])
    )


def test_group_with_one_ignored_error_is_not_ignored() -> None:
    """A group with another error in it is reported."""
    assert not IgnoreRules([OutOfStock]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), ValueError()])
    )


def test_cause_that_is_a_group_of_ignored_errors_is_ignored() -> None:
    """The search for an ignored cause looks into groups."""
    group = ExceptionGroup("g", [OutOfStock()])

    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), group))


def test_ignores_ends_in_a_cycle() -> None:
    """A cycle of causes ends."""
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one

    assert not IgnoreRules([OutOfStock]).ignores_error(one)


@pytest.mark.parametrize("pattern", ["out of", "^OutOfStock: ", "stock$"])
def test_message_pattern_is_searched_in_type_and_message(pattern: str) -> None:
    """The pattern is searched in "type: message"."""
    assert IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


@pytest.mark.parametrize("pattern", ["^out of", "OUT OF"])
def test_message_pattern_that_does_not_match(pattern: str) -> None:
    """Anchors and case have their usual meaning."""
    assert not IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


def test_message_pattern_matches_the_type_if_str_fails() -> None:
    """If __str__ raises, the pattern is searched in the type only."""
    assert IgnoreRules(messages=[re.compile("^Mute: $")]).ignores_error(Mute())


def test_text_of_an_exception_whose_str_fails() -> None:
    """If __str__ raises, text_of() does not."""
    assert text_of(Mute()) == ""


@pytest.mark.parametrize(
    ("status", "ignored"), [(503, True), (502, False), (520, True), (529, True), (530, False)]
)
def test_status_ranges_include_both_ends(
    status: int, ignored: bool
) -> None:  # a column of the table
    """A range of statuses includes both its ends."""
    assert (
        IgnoreRules(statuses=[range(503, 504), range(520, 530)]).ignores_status(status) is ignored
    )


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("/healthz", True),
        ("/healthz/", False),
        ("/Healthz", False),
        ("/internal/ready", True),
        ("/internal/a/b", True),
        ("/internal", False),
        ("/", False),
    ],
)
def test_paths_match_whole_and_by_case(path: str, ignored: bool) -> None:  # a column of the table
    """A path is compared as a whole and by case; a star matches any text."""
    assert IgnoreRules(paths=["/healthz", "/internal/*"]).ignores_path(path) is ignored


RULES = st.lists(
    st.sampled_from([ValueError, OSError, "TimeoutError", "builtins.OSError", f"{__name__}.Gone"]),
    max_size=4,
)
PATTERNS = st.lists(st.sampled_from([re.compile("text"), re.compile("^Gone")]), max_size=2)


@given(linked_exceptions(), RULES, RULES, PATTERNS, PATTERNS)
def test_another_rule_reports_nothing_more(
    exc: BaseException, rules: list[Any], more: list[Any], patterns: list[Any], others: list[Any]
) -> None:
    """Another entry in an ignore list never makes an ignored error an event."""
    before, after = IgnoreRules(rules, patterns), IgnoreRules(rules + more, patterns + others)

    assert not before.ignores_error(exc) or after.ignores_error(exc)


def test_cache_of_classes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are cached for a bounded number of classes."""
    monkeypatch.setattr(ignore_rules, "MAX_CLASSES", 1)
    rules = IgnoreRules(errors=(KeyError,))
    made = [type(f"Made{number}", (base,), {})() for number, base in enumerate((KeyError, OSError))]

    assert [rules.ignores_error(exc) for exc in [*made, *made]] == [True, False, True, False]
    assert len(rules._known) == 1
