"""Make one picture of Bugsink with Chromium, in a venv with playwright and Pillow.

Arguments: Chromium, the address of Bugsink, user, password, the kind of picture, its file; for an
event, the id of its issue and the tab of its page.
"""

# mypy: disable-error-code="import-not-found"
# playwright and Pillow are only in the venv of the pictures.

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 960
MARGIN = 12
COLOURS = 96
# Of a long page: the headings of the part that is shown below the title, and of the next one.
PART = {"status": ("Tags", "Request"), "storm": ("Contexts", "Trace")}
TABS = "Event\\s+Details"


def main(arguments: list[str]) -> None:
    """Take the picture."""
    chromium, url, user, password, name, file, *what = arguments
    with sync_playwright() as playwright:
        # As root, Chromium cannot make a sandbox; it opens pages of this machine only.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        page.goto(url)
        page.fill("[name=username]", user)
        page.fill("[name=password]", password)
        page.click("button:has-text('Login')")
        page.wait_for_url(lambda address: "login" not in address)
        if name == "bugsink-dsn":
            page.goto(f"{url}/projects/")
            page.click("text=New Project")
            page.fill("[name=name]", "shop")
            page.click("button:has-text('Save')")
            page.wait_for_url("**/sdk-setup/**")
        else:
            issue, tab = what
            page.goto(f"{url}/issues/issue/{issue}/event/last/{tab}")
        page.screenshot(path=file, full_page=True)
        bands = list(_bands(page, name))
        browser.close()
    _join(file, bands)


def _bands(page: Any, name: str) -> Iterator[tuple[float, float]]:
    """Yield the parts of the page, from top to bottom, each as its first and its last line."""
    top = _top(page.locator("h1").first)
    if name in PART:
        first, after = (page.locator(f"text=/^{text}$/i").last for text in PART[name])
        tabs = page.locator(f"text=/^{TABS}$/").first.bounding_box()
        yield top, tabs["y"] + tabs["height"] + MARGIN
        yield _top(first), _top(after) + MARGIN
    elif name == "bugsink-dsn":
        yield top, _top(page.locator("h2").first)
    else:
        yield top, page.evaluate("document.documentElement.scrollHeight")


def _top(locator: Any) -> float:
    y: float = locator.bounding_box()["y"]
    return y - MARGIN


def _join(file: str, bands: list[tuple[float, float]]) -> None:
    """Keep these parts of the picture, with few colours, so that it is small."""
    page = Image.open(file).convert("RGB")
    parts = [page.crop((0, int(top), WIDTH, int(bottom))) for top, bottom in bands]
    joined = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    y = 0
    for part in parts:
        joined.paste(part, (0, y))
        y += part.height
    joined.quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
