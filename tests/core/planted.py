"""Secrets of every kind, and the parts of an event that can carry one, for the tests of redaction.

All secrets are made up.
"""

from __future__ import annotations

import base64
import json
import math
import string
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

ALNUM = string.ascii_letters + string.digits
Planted = st.SearchStrategy[tuple[str, str]]


def _word(low: int, high: int, alphabet: str = ALNUM) -> st.SearchStrategy[str]:
    # With a digit, as passwords and tokens have one.
    return st.text(alphabet, min_size=low, max_size=high).map(lambda text: f"7{text}Q")


def _whole(made: st.SearchStrategy[str]) -> Planted:
    return made.map(lambda text: (text, text))


def _key(prefix: str, low: int, alphabet: str = ALNUM) -> Planted:
    # A random key of this length has digits and letters beside each other.
    texts = st.text(alphabet, min_size=low, max_size=low + 8)
    return _whole(texts.map(lambda text: f"{prefix}{text}7QZ9"))


def _card(digits: str) -> str:
    for check in string.digits:
        doubled = sum(sum(divmod(2 * int(d), 10)) for d in (digits + check)[-2::-2])
        if (doubled + sum(map(int, (digits + check)[-1::-2]))) % 10 == 0:
            return digits + check
    raise AssertionError


def _grouped(number: str, mark: str) -> str:
    return mark.join(number[at : at + 4] for at in range(0, len(number), 4))


def _iban(number: str) -> str:
    check = 98 - int(f"{number}131400") % 97
    return f"DE{check:02}{number}"


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _basic(word: str) -> str:
    return "Basic " + base64.b64encode(f"ann:{word}".encode()).decode()


def _pem(body: str) -> tuple[str, str]:
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----", body


def _jwt(word: str) -> str:
    head, body = json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": word})
    return f"{_base64(head)}.{_base64(body)}.{_base64(word * 3)}"


DIGITS = st.text(string.digits, min_size=14, max_size=14)
CARDS = st.tuples(st.sampled_from(["4", "5", "36"]), DIGITS).map(lambda p: _card("".join(p)[:15]))
IBANS = st.text(string.digits, min_size=18, max_size=18).map(_iban)
WORDS = _word(6, 20)
NETWORK = {"127": "128", "0": "1", "255": "254"}

# A secret, and the part of it that must not be in a masked event.
KINDS: dict[str, Planted] = {
    "amazon": _key("AKIA", 16, string.ascii_uppercase + string.digits),
    "github": _key("ghp_", 36),
    "github fine": _key("github_pat_", 30),
    "gitlab": _key("glpat-", 20),
    "slack": _key("xoxb-", 20),
    "stripe": _key("sk_live_", 24),
    "google": _key("AIza", 35),
    "sentry": _key("sntrys_", 40),
    "jwt": _whole(WORDS.map(_jwt)),
    "pem": _word(100, 200).map(_pem),
    "userinfo": WORDS.map(lambda word: (f"postgresql://app:{word}@db.internal/shop", word)),
    "dsn": _word(30, 30, "0123456789abcdef").map(
        lambda word: (f"https://{word}@errors.example/17", word)
    ),
    "bearer": WORDS.map(lambda word: (f"Bearer {word}", word)),
    "basic": WORDS.map(
        lambda word: (f"Basic {base64.b64encode(f'ann:{word}'.encode()).decode()}",) * 2
    ),
    "query": WORDS.map(lambda word: (f"https://shop.example/a?x=1&api_key={word}&y=2", word)),
    "json": WORDS.map(lambda word: (json.dumps({"a": 1, "password": word}), word)),
    "repr": WORDS.map(lambda word: (repr({"client_secret": word}), word)),
    "header": WORDS.map(lambda word: (f"X-Api-Key: {word}", word)),
    "card": _whole(CARDS),
    "card in groups": CARDS.map(lambda number: (_grouped(number, " "),) * 2),
    "card with dashes": CARDS.map(lambda number: (_grouped(number, "-"),) * 2),
    "iban": _whole(IBANS),
    "iban in groups": IBANS.map(lambda number: (_grouped(number, " "),) * 2),
    "email": _whole(st.builds("{}.{}@mail.example.org".format, WORDS, WORDS)),
    "email in a url": WORDS.map(lambda word: (f"{word}%40example.org", word)),
    "ipv4": _whole(
        st.ip_addresses(v=4, network="198.18.0.0/15").map(str)
        | st.ip_addresses(v=4, network="203.0.113.0/24").map(str)
    ),
    "ipv6": _whole(
        st.ip_addresses(v=6, network="2001:db8::/32").map(str)
        | st.ip_addresses(v=6, network="2001:db8::/32").map(lambda a: a.exploded)
    ),
}
# Here four numbers with dots are a version, not an IP address.
VERSIONS = frozenset({"release", "modules"})
# A value without quotes: in source code it may be a name.
NOT_IN_CODE = frozenset({"header"})

UUID = "3f0c7e0e-2f46-4f0a-9b0e-5b1f1c9d9d3a"
Event = dict[str, Any]
Carrier = Callable[[str], Event]


def _exception(**parts: Any) -> Event:
    return {"exception": {"values": [{"type": "ValueError", "value": "x", **parts}]}}


def _frame(**parts: Any) -> Event:
    frame = {"filename": "shop.py", "function": "order", "lineno": 7, **parts}
    return _exception(stacktrace={"frames": [frame]})


CODE: dict[str, Carrier] = {
    "source line": lambda s: _frame(context_line=f'    call("{s}")'),
    "lines before": lambda s: _frame(pre_context=["a", *f'    call("{s}")'.split("\n")]),
    "lines after": lambda s: _frame(post_context=[*f'    call("{s}")'.split("\n"), "b"]),
}
CARRIERS: dict[str, Carrier] = {
    "message": lambda s: {"message": s},
    "logentry": lambda s: {"logentry": {"message": s, "formatted": s}},
    "template": lambda s: {"logentry": {"message": s}},
    "parameters": lambda s: {
        "logentry": {"message": "a %s", "formatted": f"a {s}", "params": [s, None]}
    },
    "parameters alone": lambda s: {"logentry": {"message": "a %s", "params": [s]}},
    "named parameters": lambda s: {"logentry": {"message": "%(a)s", "params": {"a": s}}},
    "exception": lambda s: _exception(value=s),
    "chain": lambda s: {"exception": {"values": [{"type": "A", "value": s}, {"type": "B"}]}},
    "exceptions in a list": lambda s: {"exception": [{"type": "A", "value": s}]},
    "notes": lambda s: _exception(value=f"broken\n{s}\nanother note"),
    "type of an exception": lambda s: _exception(type=s),
    "mechanism": lambda s: _exception(mechanism={"type": "wsgi", "data": {"a": s}}),
    "file": lambda s: _frame(filename=s, abs_path=s),
    "module": lambda s: _frame(module=s),
    "locals": lambda s: _frame(vars={"a": s, "b": {"c": [s]}}),
    "url": lambda s: {"request": {"url": f"https://shop.example/a/{s}"}},
    "query": lambda s: {"request": {"query_string": f"a={s}"}},
    "query in pairs": lambda s: {"request": {"query_string": [["a", s]]}},
    "headers": lambda s: {"request": {"headers": {"x-a": s}}},
    "header pairs": lambda s: {"request": {"headers": [["x-a", s]]}},
    "cookies": lambda s: {"request": {"cookies": {"a": s}}},
    "body": lambda s: {"request": {"data": {"a": [s]}}},
    "environ": lambda s: {"request": {"env": {"REMOTE_ADDR": s}}},
    "method": lambda s: {"request": {"method": s}},
    "tag": lambda s: {"tags": {"a": s}},
    "tag pairs": lambda s: {"tags": [["a", s]]},
    "name of a tag": lambda s: {"tags": {s: "a"}},
    "user": lambda s: {"user": {"id": s, "email": s, "ip_address": s, "data": {"a": s}}},
    "context": lambda s: {"contexts": {"a": {"b": {"c": s}}}},
    "context that is none": lambda s: {"contexts": {"a": s}},
    "trace": lambda s: {"contexts": {"trace": {"trace_id": s, "span_id": s, "op": s}}},
    "extra": lambda s: {"extra": {"a": s}},
    "key": lambda s: {"extra": {s: 1}},
    "argv": lambda s: {"extra": {"sys.argv": ["run.py", s]}},
    "breadcrumb": lambda s: {"breadcrumbs": {"values": [{"message": s, "category": s}]}},
    "breadcrumb data": lambda s: {"breadcrumbs": [{"data": {"sql": s}, "level": s}]},
    "transaction": lambda s: {"transaction": s},
    "fingerprint": lambda s: {"fingerprint": ["{{ default }}", s]},
    "server": lambda s: {"server_name": s},
    "release": lambda s: {"release": f"shop@{s}", "dist": s, "environment": s},
    "logger": lambda s: {"logger": s},
    "level": lambda s: {"level": s},
    "id": lambda s: {"event_id": s},
    "time": lambda s: {"timestamp": s},
    "threads": lambda s: {"threads": {"values": [{"id": 1, "name": s}]}},
    "debug images": lambda s: {
        "debug_meta": {"images": [{"code_file": s, "type": "proguard", "uuid": UUID}]}
    },
    "modules": lambda s: {"modules": {"shop": s}},
    "unknown part": lambda s: {"anything": {"a": s}},
    "remark": lambda s: {"_meta": {"extra": {s: {"": {"len": 5}}}}},
    **CODE,
}


def nodes(value: Any) -> Iterator[Any]:
    """Yield *value* and everything inside it, keys as well."""
    yield value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from nodes(key)
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def storable(value: Any) -> bool:
    """Return True if every backend can store *value*; its items are not examined."""
    if isinstance(value, str):
        halves = any("\ud800" <= character <= "\udfff" for character in value)
        return type(value) is str and "\0" not in value and not halves
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, (dict, list))


def refused(event: Event) -> list[str]:
    """Return the parts of *event* that make a backend reject it or other events."""
    found = [repr(node) for node in nodes(event) if not storable(node)]
    if len(json.dumps(event, allow_nan=False)) >= 1_000_000:
        found.append("more than a megabyte")
    for part, limit in {"release": 200, "environment": 64, "transaction": 200}.items():
        if len(event.get(part, "")) > limit:
            found.append(f"{part} too long")
    tags = event.get("tags", {})
    for key, text in tags.items() if isinstance(tags, dict) else tags:
        if not (isinstance(text, str) and 0 < len(text) <= 200 and 0 < len(key) <= 200):
            found.append(f"tag {key}: {text!r}")
    params = event.get("logentry", {}).get("params", [])
    values = params.values() if isinstance(params, dict) else params
    found += [f"parameter {value!r}" for value in values if not isinstance(value, str)]
    if "message" in event:
        found.append("a message that is no logentry")
    if "{{default}}" in event.get("fingerprint", []):
        found.append("a fingerprint in a spelling of its own")
    return found
