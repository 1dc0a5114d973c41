"""Each thing that the comparison with a framework's own tests has to find is found."""

from __future__ import annotations

import pytest
from compare import findings, outcomes

PLAN = {"passed": 2, "events": 1, "differs": {"a::listed": "a reason"}}
WITHOUT = {"a::one": "passed", "a::two": "passed", "a::listed": "passed", "a::root": "failure"}
WITH_US = {**WITHOUT, "a::listed": "failure"}
EVENT = ("event", "ValueError /", "a::one")
WARNING = ("warning", "an event could not be built", "a::two")


def test_the_list_of_differences_is_exact() -> None:
    """Tests that differ as listed, and tests that fail in both runs, are no finding."""
    assert list(findings(PLAN, WITHOUT, WITH_US, [EVENT])) == []


@pytest.mark.parametrize(
    ("without", "with_us", "recorded", "finding"),
    [
        (WITHOUT, {**WITH_US, "a::one": "error"}, [EVENT], "differs: a::one: passed without"),
        (WITHOUT, {**WITH_US, "a::new": "passed"}, [EVENT], "differs: a::new: None without"),
        (WITHOUT, WITHOUT, [EVENT], "is listed, and does not differ: a::listed"),
        ({"a::listed": "passed"}, {}, [EVENT], "1 tests passed without us, fewer than 2"),
        (WITHOUT, WITH_US, [], "0 events with us, fewer than 1"),
        (WITHOUT, WITH_US, [EVENT, WARNING], "a warning of ours in a::two"),
    ],
)
def test_a_finding_is_named(
    without: dict[str, str],
    with_us: dict[str, str],
    recorded: list[tuple[str, str, str]],
    finding: str,
) -> None:
    """Each kind of finding is one line."""
    (found,) = findings(PLAN, without, with_us, recorded)
    assert found.startswith(finding)


def test_the_worst_outcome_counts() -> None:
    """A test that passes and then fails in its teardown has an error."""
    case = '<testcase classname="a" name="b">{}</testcase>'
    report = "".join(case.format(child) for child in ("", "<error/>", "<system-out/>"))
    assert outcomes(f"<testsuite>{report}</testsuite>") == {"a::b": "error"}
