"""Parameters of routes that are not to be told."""

from __future__ import annotations

import pytest

from sentryinit._redaction.path_params import hider, parameters
from sentryinit._redaction.redactor import Redactor

ROUTE, PATH = "/tenants/{tenant_id}/orders/{order_id}", "/tenants/acme/orders/17"


@pytest.mark.parametrize(
    ("route", "path", "found"),
    [
        (ROUTE, PATH, {"tenant_id": "acme", "order_id": "17"}),
        (ROUTE, f"/mounted{PATH}", {"tenant_id": "acme", "order_id": "17"}),
        (ROUTE, f"{PATH}/", {"tenant_id": "acme", "order_id": "17"}),
        (ROUTE, "/tenants/acme", {}),
        (ROUTE, "/shops/acme/orders/17", {}),
        ("/files/{path}", "/files/a/b/c", {"path": "a/b/c"}),
        ("/files/{name}.{kind}", "/files/a.b.txt", {"name": "a.b", "kind": "txt"}),
        ("/files/{name}.{kind}", "/files/a", {}),
        ("/{a}-{b}-{c}-{d}", "/1-2-3-4", {}),
        ("/{a}-{b}", f"/{'x-' * 200}", {}),
        ("/health", "/health", {}),
        ("/", "/", {}),
    ],
)
def test_the_values_of_parameters(route: str, path: str, found: dict[str, str]) -> None:
    """The template says where they stand; where it does not fit, nothing is found."""
    assert parameters(route, path) == found


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /tenants/acme/orders/17", "GET /tenants/{tenant_id}/orders/17"),
        ("tenant acme, or acmes", "tenant {tenant_id}, or acmes"),
        ("acme's", "{tenant_id}'s"),
        ("{tenant_id}", "{tenant_id}"),
    ],
)
def test_a_value_in_a_text(text: str, hidden: str) -> None:
    """It is hidden wherever it stands as a word; hidden once is hidden."""
    hide = hider(ROUTE, PATH, lambda name: name == "tenant_id")

    assert hide is not None
    assert (hide(text), hide(hidden)) == (hidden, hidden)


def test_a_short_value() -> None:
    """It may be anything elsewhere: in a path only."""
    hide = hider(ROUTE, PATH, lambda name: name == "order_id")

    assert hide is not None
    assert hide("/tenants/acme/orders/17 in 17 s") == "/tenants/acme/orders/{order_id} in 17 s"


def test_a_value_in_other_letters() -> None:
    """As it is, as it was quoted, and as it would be."""
    hide = hider("/mail/{address}", "/mail/a%20b+c", lambda name: True)

    assert hide is not None
    assert hide("a%20b+c | a b+c | a%20b%2Bc") == "{address} | {address} | {address}"


def test_a_value_that_is_the_name() -> None:
    """It does not grow braces."""
    hide = hider("/a/{name}", "/a/name", lambda name: True)

    assert hide is not None
    assert hide(hide("/a/name")) == "/a/{name}"


@pytest.mark.parametrize("value", ["-ab", "a-", "*", "$^"])
def test_a_value_that_is_no_word(value: str) -> None:
    """Whatever letters it has, it is hidden in its path."""
    hide = hider("/a/{name}", f"/a/{value}", lambda name: True)

    assert hide is not None
    assert hide(f"/a/{value}") == "/a/{name}"


@pytest.mark.parametrize(
    ("route", "path"), [("/a/{b}", "/a/{b}"), ("/orders", "/orders"), ("", ""), ("/a/{c}", "/a/x")]
)
def test_nothing_to_hide(route: str, path: str) -> None:
    """A request without sensitive parameters costs nothing."""
    assert hider(route, path, lambda name: name == "b") is None


def test_a_route_that_does_not_fit() -> None:
    """Where the values cannot be found, the whole path is hidden."""
    masked = Redactor(parameters=["tenant_id"]).event(
        {"message": "HTTP 503 GET /shops/acme"}, "/tenants/{tenant_id}", "/shops/acme"
    )

    assert masked["logentry"]["formatted"] == "HTTP 503 GET /tenants/{tenant_id}"


def test_every_part_of_an_event() -> None:
    """URL, message, breadcrumbs, keys; the default list has what is sensitive as a name."""
    event = {
        "request": {"url": "https://shop.example/reset/c4nary/x"},
        "exception": {"values": [{"type": "E", "value": "no c4nary"}]},
        "breadcrumbs": {"values": [{"message": "GET /reset/c4nary", "category": "c4nary"}]},
        "extra": {"c4nary": {"a": ["c4nary"]}},
        "tags": {"a": "c4nary"},
        "transaction": "/reset/c4nary/x",
    }
    masked = Redactor().event(event, "/reset/{token}/{page}", "/reset/c4nary/x")

    assert "c4nary" not in str(masked)
    assert masked["request"]["url"] == "https://shop.example/reset/{token}/x"
