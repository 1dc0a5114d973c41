"""Sensitive path parameters are replaced in every text."""

from __future__ import annotations

import pytest

from sentryinit._redaction.path_params import parameter_masker, parameters
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
    """The route says where the values are; without a match none is found."""
    assert parameters(route, path) == found


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("GET /tenants/acme/orders/17", "GET /tenants/{tenant_id}/orders/17"),
        ("tenant acme, or acmes", "tenant {tenant_id}, or acmes"),
        ("acme's", "{tenant_id}'s"),
        ("tenant_acme.orders", "tenant_{tenant_id}.orders"),
        ('schema "t_acme_2"', 'schema "t_{tenant_id}_2"'),
        ("acme2, xacme", "acme2, xacme"),
        ("{acme}", "{{tenant_id}}"),
        ("{tenant_id}", "{tenant_id}"),
    ],
)
def test_a_value_in_a_text(text: str, replaced: str) -> None:
    """It is replaced wherever it is a whole word; replacing is idempotent."""
    replace = parameter_masker(ROUTE, PATH, lambda name: name == "tenant_id")

    assert replace is not None
    assert (replace(text), replace(replaced)) == (replaced, replaced)


def test_a_short_value() -> None:
    """It is replaced in a path only: in other text it may mean something else."""
    replace = parameter_masker(ROUTE, PATH, lambda name: name == "order_id")

    assert replace is not None
    assert replace("/tenants/acme/orders/17 in 17 s") == "/tenants/acme/orders/{order_id} in 17 s"


def test_a_percent_encoded_value() -> None:
    """It is replaced as given, decoded, and encoded."""
    replace = parameter_masker("/mail/{address}", "/mail/a%20b+c", lambda name: True)

    assert replace is not None
    assert replace("a%20b+c | a b+c | a%20b%2Bc") == "{address} | {address} | {address}"


def test_the_spellings_of_a_percent_encoded_value() -> None:
    """Escapes have letters of any case; URLs in URLs are encoded twice; JSON has its own."""
    replace = parameter_masker("/a/{code}", "/a/x%2fy%20%C3%BC", lambda name: True)

    assert replace is not None
    for text in (
        "x%2fy%20%c3%bc",
        "x%2Fy%20%C3%BC",
        "x/y \u00fc",
        "x%2Fy+%C3%BC",
        "x%252Fy%2520%25C3%25BC",
        "x/y \\u00fc",
    ):
        assert replace(f"/a/{text}, gone") == "/a/{code}, gone"


def test_a_short_value_under_its_name() -> None:
    """There it means nothing else."""
    replace = parameter_masker("/a/{code}", "/a/7x", lambda name: True)

    assert replace is not None
    assert replace("code=7x, code='7x', code: 7x") == "code={code}, code='{code}', code: {code}"
    assert replace("in 7x time") == "in 7x time"


@pytest.mark.parametrize(
    ("route", "replaced"),
    [
        ("/a/<str:code>", "/a/{code}"),
        ("/a/<code>", "/a/{code}"),
        ("^a/(?P<code>[^/]+)/$", "/a/{code}"),
        ("/a/(?P<code>(?:x|y)[0-9]+)", "/a/{code}"),
        ("/a/{code:[0-9a-z]{4,}}", "/a/{code}"),
        ("/a/{code:path}", "/a/{code}"),
    ],
)
def test_parameters_as_frameworks_write_them(route: str, replaced: str) -> None:
    """A route has them as its framework does."""
    replace = parameter_masker(route, "/a/x9f3k", lambda name: name == "code")

    assert replace is not None
    assert (replace("/a/x9f3k"), replace("no x9f3k")) == (replaced, "no {code}")


def test_a_value_between_letters() -> None:
    """The whole segment is replaced, and the value where it stands alone."""
    replace = parameter_masker("/a/x{token}y", "/a/xS3cr3ty", lambda name: name == "token")

    assert replace is not None
    text = replace("GET /a/xS3cr3ty: S3cr3t, xS3cr3tyz")
    assert text == "GET /a/x{token}y: {token}, xS3cr3tyz"
    assert replace(text) == text


def test_a_value_that_is_in_the_route() -> None:
    """The names of parameters in it are no values."""
    replace = parameter_masker("/{tenant}/{order_id}", "/order/1", lambda name: name == "tenant")

    assert replace is not None
    assert replace("/{tenant}/{order_id} /order/1") == "/{tenant}/{order_id} /{tenant}/1"


def test_a_value_equal_to_its_name() -> None:
    """Its replacement is not replaced again."""
    replace = parameter_masker("/a/{name}", "/a/name", lambda name: True)

    assert replace is not None
    assert replace(replace("/a/name")) == "/a/{name}"


@pytest.mark.parametrize("value", ["-ab", "a-", "*", "$^"])
def test_a_value_with_punctuation(value: str) -> None:
    """It is replaced in its path, whatever characters it has."""
    replace = parameter_masker("/a/{name}", f"/a/{value}", lambda name: True)

    assert replace is not None
    assert replace(f"/a/{value}") == "/a/{name}"


@pytest.mark.parametrize(
    ("route", "path"), [("/a/{b}", "/a/{b}"), ("/orders", "/orders"), ("", ""), ("/a/{c}", "/a/x")]
)
def test_nothing_to_replace(route: str, path: str) -> None:
    """Without sensitive parameters there is no function."""
    assert parameter_masker(route, path, lambda name: name == "b") is None


def test_a_route_that_does_not_match() -> None:
    """If the values cannot be found, the whole path is replaced."""
    masked = Redactor(parameters=["tenant_id"]).event(
        {"message": "HTTP 503 GET /shops/acme"}, "/tenants/{tenant_id}", "/shops/acme"
    )

    assert masked["logentry"]["formatted"] == "HTTP 503 GET /tenants/{tenant_id}"


def test_every_part_of_an_event() -> None:
    """The value is replaced in every section; sensitive key names are sensitive parameters."""
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


@pytest.mark.parametrize(
    ("query", "text", "masked"),
    [
        ("customer=Ann", "url 'http://crm/?customer=Ann&ward=3'", "url 'http://crm/?[query]'"),
        ("customer=Ann", "http://crm/?customer=Ann%20Lee, gone", "http://crm/?[query], gone"),
        ("customer=An", "http://crm/?customer=Ann&ward=3 gone", "http://crm/?[query] gone"),
        (
            "customer=Ann&page=2",
            "http://crm/?customer=Ann&x=3",
            "http://crm/?customer=[query]&x=[query]",
        ),
        ("customer=Ann+Lee", "no customer=Ann Lee", "no [query]"),
        ("Ann", "GET /x?Ann and Ann", "GET /x?[query] and Ann"),
        ("", "http://crm/?customer=Ann Lee&ward=3", "http://crm/?customer=[query]&ward=[query]"),
        ("", "/a?b=c then /d?e=f&g=h", "/a?b=[query] then /d?e=[query]&g=[query]"),
        ("", "really? a=b & c=d", "really? a=b & c=d"),
        (
            "",
            "/Patient?name:exact=Ann&born=1970 HTTP/1.1",
            "/Patient?name:exact=[query]&born=[query] HTTP/1.1",
        ),
        ("", "/o?$filter=name%20eq%20'Ann'&$top=1", "/o?$filter=[query]&$top=[query]"),
        ("", "/x?active&name=Ann", "/x?active&name=[query]"),
        ("", "/x?=Ann or /x?@id=Ann", "/x?=[query] or /x?@id=[query]"),
        (
            "",
            "/x?fields(name)=Ann, /x?user/name=O'Ann",
            "/x?fields(name)=[query] /x?user/name=[query]",
        ),
        ("", "{'url': '/x?name=Ann', 'b': 2}", "{'url': '/x?name=[query]', 'b': 2}"),
        ("", "no match for (?=a)", "no match for (?=a)"),
    ],
)
def test_query_is_masked_with_what_was_made_of_it(query: str, text: str, masked: str) -> None:
    """D5: a service passes the query on to another one, with more values behind it."""
    event = Redactor().event({"logentry": {"message": text}}, "", "/x", query)

    assert event["logentry"]["message"] == masked


@pytest.mark.parametrize("name", ["http.query", "url.query", "query_string", "http.fragment"])
def test_query_under_its_name_is_masked(name: str) -> None:
    """D5: sentry-sdk's integrations of HTTP clients keep it apart from the URL."""
    crumb = {"data": {name: "customer=Ann+Lee&ward=3"}}
    event = Redactor().event({"breadcrumbs": {"values": [crumb]}, "extra": crumb["data"]})

    masked = {name: "customer=[query]&ward=[query]"}
    assert event["breadcrumbs"]["values"][0]["data"] == event["extra"] == masked
    kept = Redactor(queries=True).event({"extra": crumb["data"]})
    assert kept["extra"] == crumb["data"]


def test_queries_take_linear_time() -> None:
    """Nothing is looked at again for each of many question marks."""
    for text in ("?" * 16000, "?a" * 8000, "?a=b " * 3000, "?" + "a&" * 8000, "'?a='" * 3000):
        assert Redactor().event({"logentry": {"message": text}})


@pytest.mark.parametrize(
    ("path", "text", "replaced"),
    [
        ("/t/acmecorp", "ACMECORP, Acmecorp, acmecorps", "{t}, {t}, acmecorps"),
        ("/t/AB", "/ab /AB", "/ab /{t}"),
        ("/t/acme-corp", "acme%2Dcorp, acme%2dcorp, acme-corp", "{t}, {t}, {t}"),
        ("/t/acme", "next=%2Ft%2Facme%2Fx", "next=%2Ft%2F{t}%2Fx"),
        ("/t/ab", "next=%2Ft%2Fab%2Fx, ab", "next=%2Ft%2F{t}%2Fx, ab"),
        ("/t/x7f3hunter2", "keyx7f3hunter2end", "key{t}end"),
        ("/t/hunter", "keyhunterend", "keyhunterend"),
        (
            "/t/0b9f2a34-1c2d-4e5f-8a9b-0c1d2e3f4a5b",
            "0b9f2a341c2d4e5f8a9b0c1d2e3f4a5b, 0B9F2A34-1c2d-4e5f-8a9b-0c1d2e3f4a5b",
            "{t}, {t}",
        ),
        ("/t/0b9f2a341c2d4e5f8a9b0c1d2e3f4a5b", "0b9f2a34-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "{t}"),
        ("/t/00471", "no 471, 0471, 4710", "no {t}, {t}, 4710"),
        ("/t/07", "/t/7, /t/07, in 7 s", "/t/{t}, /t/{t}, in 7 s"),
    ],
)
def test_a_value_as_others_write_it(path: str, text: str, replaced: str) -> None:
    """In any case, as a client escaped it, in other words, without dashes, as a number."""
    replace = parameter_masker("/t/{t}", path, lambda name: True)

    assert replace is not None
    assert (replace(text), replace(replaced)) == (replaced, replaced)


@pytest.mark.parametrize("route", ["/f/{tenant}/f/{n}", "/f/<str:tenant>/f/<n>"])
def test_a_value_equal_to_a_segment(route: str) -> None:
    """The segment stays in the route and in the path."""
    replace = parameter_masker(route, "/f/f/f/1", lambda name: name == "tenant")

    assert replace is not None
    assert replace(route) == route
    assert replace("https://x/f/f/f/1?a") == "https://x/f/{tenant}/f/1?a"
    assert replace("/f/{tenant}/f/1") == "/f/{tenant}/f/1"
    assert replace("/g/f, tenant=f") == "/g/{tenant}, tenant={tenant}"
