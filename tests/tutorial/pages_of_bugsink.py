"""Presses the links and buttons of Bugsink's pages that the tutorial names."""

from __future__ import annotations

import html
import re
import urllib.parse
import urllib.request
from html.parser import HTMLParser

DSN = re.compile(r"http://[0-9a-f]{32}@127\.0\.0\.1:\d+/\d+")


class _Form(HTMLParser):
    """A page as somebody sees it: *links* and *buttons* by their texts, and the fields of forms.

    Bugsink's pages have other forms, each with one button and no field to fill in.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.button: dict[str, str] = {}
        self._open: dict[str, str | None] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            self.fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.fields[self._select] = given.get("value") or ""
        elif tag in {"a", "button"}:
            self._open = {"tag": tag, **given}

    def handle_data(self, data: str) -> None:
        text = data.strip()
        if text and self._open.get("tag") == "a":
            self.links[text] = self._open.get("href") or ""
        elif text and self._open.get("tag") == "button":
            self.button[text] = self._open.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in {"a", "button"}:
            self._open = {}


class Browser:
    """Keeps cookies, follows redirects, and has one page before it."""

    def __init__(self, url: str) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
        )
        self._address, self._text = url, ""
        self._go(f"{url}/")

    def log_in(self, user: str, password: str) -> None:
        """Fill in the page that asks for it."""
        self._press("Login", username=user, password=password)
        assert "/login/" not in self._address, self._text

    def make_project(self, name: str) -> str:
        """Make a project, and return the DSN on the page that follows."""
        if "New Project" not in (links := _Form(self._text).links):
            # The first page is that of the only project, as soon as there is one.
            self._go(links["Projects"])
        self._go(_Form(self._text).links["New Project"])
        self._press("Save", name=name)
        found = set(DSN.findall(html.unescape(self._text)))
        assert len(found) == 1, self._text
        return found.pop()

    def _press(self, button: str, **filled: str) -> None:
        form = _Form(self._text)
        assert button in form.button, self._text
        assert filled.keys() <= form.fields.keys(), self._text
        self._go(self._address, urllib.parse.urlencode(form.fields | filled).encode())

    def _go(self, target: str, data: bytes | None = None) -> None:
        url = urllib.parse.urljoin(self._address, target)
        request = urllib.request.Request(url, data, {"Referer": self._address})  # noqa: S310 # of this test
        with self._opener.open(request, timeout=30) as answer:
            self._address, self._text = answer.url, answer.read().decode()
