"""Look at the built site with a browser: each page light and dark, wide and on a phone."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
SECTIONS = "explanation howto migrate project recipes reference runbook tutorial".split()
# A page of each kind, and none that is long: axe looks at each element.
SHOWN = ("index.html", "howto/flask.html", "reference/cli.html", "reference/api/wsgi.html")
# The tables that scroll in a wide window: a column for each adapter; names of 50 characters.
SCROLLING = {
    "reference/adapters.html, a table scrolls: adapters-and-clauses",
    "reference/events.html, a table scrolls: exceptions",
}
# What is wider than the window, and does not scroll in itself; tables that have to scroll; pictures
# that are not there.
PROBLEMS = """() => {
    const found = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide`);
    const scrolls = each => ["auto", "scroll"].includes(getComputedStyle(each).overflowX);
    const names = "article pre, article table, article img, article p";
    for (const each of document.querySelectorAll(names)) {
        let outer = each;
        while (outer && !scrolls(outer)) outer = outer.parentElement;
        const box = (outer ?? each).getBoundingClientRect();
        if (box.right > innerWidth + 1) found.push(`too wide: ${each.outerHTML.slice(0, 80)}`);
    }
    if (innerWidth >= 1280)
        for (const each of document.querySelectorAll(".table-wrapper"))
            if (each.scrollWidth > each.clientWidth)
                found.push(`a table scrolls: ${each.closest("section").id}`);
    for (const each of document.images)
        if (!each.complete || !each.naturalWidth) found.push(`no picture: ${each.src}`);
    return found;
}"""


def chromium() -> str | None:
    """Return the path of a browser of this machine."""
    names = "chromium", "chromium-browser", "google-chrome", "chrome"
    return os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser of this machine; skip where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install the package `chromium` of Debian")
    options = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=options)
        yield started
        started.close()


class Visit:
    """A window of the browser, with what goes wrong in it."""

    def __init__(self, browser: Browser, size: Any, address: str) -> None:
        self.page: Page = browser.new_page(viewport=size)
        self.page.set_default_timeout(10_000)
        self.problems: list[str] = []
        self._address = address
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # Its warnings include one of Sphinx's search about each theme that is not its own.
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        # The search asks for excerpts until a result is clicked.
        if "ERR_ABORTED" not in request.failure:
            self.problems.append(f"failed: {request.url}: {request.failure}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self._address, "data:")):
            self.problems.append(f"request to another host: {request.url}")


@pytest.fixture
def from_disk(browser: Browser, site: Path) -> Iterator[Visit]:
    """Return a window for the pages as files."""
    visit = Visit(browser, PHONE, site.as_uri())
    yield visit
    visit.page.close()


@pytest.fixture
def served(browser: Browser, site: Path) -> Iterator[tuple[Visit, str]]:
    """Return a window for the pages from a server on loopback, and its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        visit = Visit(browser, WIDE, address)
        yield visit, address
        visit.page.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_pages_look_right(from_disk: Visit, site: Path, section: str) -> None:
    """No page is wider than its window, has a broken picture, or makes the browser complain."""
    pattern = f"{section}/**/*.html" if section else "*.html"
    page, found = from_disk.page, from_disk.problems
    opened = sorted(site.glob(pattern))
    assert opened
    for file in opened:
        name = file.relative_to(site)
        page.goto(file.as_uri())
        for scheme, size in ("light", PHONE), ("dark", PHONE), ("dark", WIDE), ("light", WIDE):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of the two
            page.set_viewport_size(size)  # type: ignore[arg-type] # a dict of two numbers
            found += [
                f"{name}, {scheme}, {size}: {each}"
                for each in page.evaluate(PROBLEMS)
                if f"{name}, {each}" not in SCROLLING
            ]
        page.set_viewport_size(PHONE)  # type: ignore[arg-type] # likewise
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(from_disk: Visit, site: Path, scheme: str) -> None:
    """The checker axe finds no violation of WCAG 2.1 AA, such as text with little contrast."""
    axe = package_files("axe_playwright_python").joinpath("axe.min.js").read_text()
    run = """async () => {
        const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
        // Sphinx makes lists of the arguments of a function, without terms.
        const rules = {"definition-list": {enabled: false}};
        const done = await axe.run(document, {runOnly: {type: "tag", values: tags}, rules});
        return done.violations.flatMap(
            each => each.nodes.slice(0, 3).map(node => `${each.id}: ${node.html.slice(0, 160)}`));
    }"""
    page, found = from_disk.page, []
    page.set_viewport_size(WIDE)  # type: ignore[arg-type] # a dict of two numbers
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of the two
    for name in SHOWN:
        page.goto((site / name).as_uri())
        page.evaluate(axe)
        found += [f"{name}: {each}" for each in page.evaluate(run)]
    assert found == []


def search(page: Page, words: str, title: str) -> None:
    """Search for *words* in the field of the menu, and open the result with *title*."""
    page.get_by_role("textbox", name="Search").fill(words)
    page.keyboard.press("Enter")
    page.locator("#search-results li a", has_text=title).first.click()
    page.get_by_role("heading", name=title, level=1).wait_for()


def test_search_opens_a_page(served: tuple[Visit, str]) -> None:
    """The search finds a setting by its name, and a name of the API, without another host."""
    visit, address = served
    visit.page.goto(f"{address}/index.html")
    search(visit.page, "storm_burst", "Settings")
    search(visit.page, "DebugPanic", "sentryinit.adapters")
    assert visit.problems == []


# What readers search for, and the page that comes first.
WANTED = {
    "404": "faq#why-is-a-404-no-event",
    "422": "faq#why-is-a-422-of-fastapi-no-event",
    "499": "faq#why-is-a-499-or-a-client-that-disconnects-no-event",
    "503": "reference/contract#row-a4",
    "A4": "reference/contract#row-a4",
    "Celery retry": "recipes/celery",
    "DEBUG=True": "faq#is-debug-true-a-reason-for-no-event",
    "SENTRYINIT_MASK_KEYS": "reference/settings#row-mask-keys",
    "before_send": "reference/settings#row-before-send",
    "breadcrumbs": "recipes/breadcrumbs",
    "client disconnects": "reference/aborts#the-client-disconnects",
    "duplicate": "faq#what-is-a-duplicate",
    "exit code 70": "reference/cli#row-exit-code-70",
    "how to add user": "recipes/user-and-tags",
    "ignore": "howto/ignore",
    "init": "reference/init",
    "local variables": "faq#where-are-the-local-variables",
    "mask_keys": "reference/settings#row-mask-keys",
    "no event": "runbook/no-event",
    "proxy": "recipes/proxies",
    "rate limit": "runbook/too-many-events",
    "sampling": "faq#how-do-i-sample-errors",
    "structlog": "howto/structlog",
    "traces_sample_rate": "reference/settings#row-traces-sample-rate",
}


def test_search_finds_the_right_page_first(from_disk: Visit, site: Path) -> None:
    """The first result is the page that answers; numbers are found; nothing private is."""
    page = from_disk.page
    page.goto(f"{(site / 'search.html').as_uri()}?q=413")
    page.locator("#search-results li a", has_text="Proxies").wait_for()
    results = """words => Search._performSearch(...Search._parseQuery(words)).reverse()
        .map(([name, , anchor]) => name + anchor)"""
    first = {words: page.evaluate(results, words)[0] for words in WANTED}
    assert first == WANTED
    assert not [each for each in page.evaluate(results, "sentryinit._job") if "._" in each]


def test_search_from_disk(from_disk: Visit, site: Path) -> None:
    """The search works where the pages are files."""
    page = from_disk.page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type] # a dict of two numbers
    page.goto((site / "howto/flask.html").as_uri())
    search(page, "storm_burst", "Settings")
    assert from_disk.problems == []


def test_menu_on_a_phone(from_disk: Visit, site: Path) -> None:
    """On a phone the menu is closed; its button opens it, and a link in it opens a page."""
    page = from_disk.page
    page.goto((site / "index.html").as_uri())
    link = page.locator(".sidebar-tree").get_by_role("link", name="Runbook", exact=True)
    assert not link.is_visible() or link.bounding_box()["x"] < 0  # type: ignore[index] # it has one
    page.locator("header label[for=__navigation]").click()
    page.wait_for_function(
        "document.querySelector('.sidebar-drawer').getBoundingClientRect().x >= 0"
    )
    link.click()
    page.get_by_role("heading", name="Runbook", level=1).wait_for()
    assert from_disk.problems == []
