"""What is one kind of failure, for the rate limit."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from sentryinit._policy.grouping import group_key, without_numbers

PACKAGES = "/venv/lib/site-packages"


def code(source: str, file: str, **names: Any) -> Any:
    """Return the function that *source* defines, as if it were in *file*."""
    made = dict(names)
    exec(compile(source, file, "exec"), made)  # noqa: S102 # a frame of such a file
    return made[next(name for name in made if name not in {*names, "__builtins__"})]


def key(function: Any, endpoint: Hashable = None) -> Hashable:
    """Return the kind of what *function* raises, without the frame of this function."""
    with pytest.raises(ValueError) as found:  # noqa: PT011 # it has no text
        function()
    stack = found.value.__traceback__
    return group_key(found.value, stack and stack.tb_next, lambda: endpoint)


LIBRARY = code("def query(): raise ValueError", f"{PACKAGES}/database.py")
GENERATED = code("def __init__(): raise ValueError", "<string>")
FROZEN = code("def load(): raise ValueError", "<frozen importlib._bootstrap>")


def view(name: str, inner: Any, file: str) -> Any:
    """Return a function in *file* that calls *inner*; each name is in a line of its own."""
    return code("\n" * len(name) + f"def {name}(): inner()", file, inner=inner)


@pytest.mark.parametrize("inner", [LIBRARY, GENERATED, FROZEN])
@pytest.mark.parametrize("file", ["/app/views.py", f"{PACKAGES}/shop/views.py", "<string>"])
def test_two_places_are_two_kinds(inner: Any, file: str) -> None:
    """Two views that fail in the same line of another file are two kinds, also if installed."""
    orders, invoices = view("orders", inner, file), view("invoices", inner, file)

    assert key(orders) == key(orders)
    assert key(orders) != key(invoices)


def test_two_files_of_a_package_are_two_kinds() -> None:
    """So are views in two files, with a frame of the application around both."""
    orders, invoices = (
        view("main", view("show", LIBRARY, f"{PACKAGES}/shop/{name}.py"), "/app/middleware.py")
        for name in ("orders", "invoices")
    )

    assert key(orders) != key(invoices)


def test_depth_of_a_recursion_makes_no_kind() -> None:
    """A library that walks through data fails in one place, however deep the data is."""
    source = "def walk(depth): walk(depth - 1) if depth else inner()"
    walk = code(source, f"{PACKAGES}/walker.py", inner=LIBRARY)
    shallow, deep = (code("def show(): walk(n)", "/app/views.py", walk=walk, n=n) for n in (1, 50))

    assert key(shallow) == key(deep)


def test_frames_around_the_application_make_no_kind() -> None:
    """What has called the application does not count."""
    place = view("orders", LIBRARY, "/app/views.py")
    callers = [view(name, place, f"{PACKAGES}/{name}.py") for name in ("flask", "celery")]

    assert len({key(caller) for caller in callers}) == 1


def test_generated_files_without_end_are_one_kind() -> None:
    """Code that is compiled for each request has a new file name each time."""
    source = "def rule(): raise ValueError"
    found = {key(code(source, f"<rule {number}>")) for number in range(3)}

    assert len(found) == 1


@pytest.mark.parametrize(
    ("file", "kinds"), [("/app/views.py", 1), (f"{PACKAGES}/shop/views.py", 2), ("<string>", 2)]
)
def test_route_counts_without_a_frame_of_the_application(file: str, kinds: int) -> None:
    """A generic view that is installed fails for two routes: these are two kinds."""
    generic = view("show", LIBRARY, file)

    assert len({key(generic, "/orders"), key(generic, "/invoices")}) == kinds


def test_our_own_packages_are_no_application() -> None:
    """They may be installed from a checkout; then the route tells the kinds apart."""
    inner = view("show", LIBRARY, f"{PACKAGES}/shop/views.py")
    boundary = code("def call(): inner()", "/src/sentryinit/wsgi.py", inner=inner)
    boundary.__globals__["__name__"] = "sentryinit.wsgi"

    assert key(boundary, "/orders") != key(boundary, "/invoices")


def test_varying_words_of_a_long_text() -> None:
    """It takes linear time: each word is read once. Before, 50,000 letters took 17 s."""
    text = "X" * 50_000

    assert without_numbers(text) == text
    assert without_numbers(f"{text} 5 a5 b_6 c") == without_numbers(f"{text} 7 b8 c_9 c")
