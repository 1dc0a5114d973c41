"""Make one picture of Bugsink with Chromium, in a venv with playwright and Pillow.

Arguments: Chromium, the address of Bugsink, user, password, the kind of picture, its file; for an
event, the id of its issue and the tab of its page.
"""

# mypy: disable-error-code="import-not-found"
# playwright and Pillow are only in the venv of the pictures.

from __future__ import annotations

import sys
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 960
MARGIN = 12
COLOURS = 96
# The heading before which a picture ends; the others show their page to its end.
END = {"status": "Request", "storm": "SDK"}


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
            bottom = page.locator("h2").first
        else:
            issue, tab = what
            page.goto(f"{url}/issues/issue/{issue}/event/last/{tab}")
            bottom = page.locator(f"text=/^{END[name]}$/").first if name in END else None
        page.screenshot(path=file, full_page=True, clip=_clip(page, bottom))
        browser.close()
    Image.open(file).convert("RGB").quantize(COLOURS).save(file, optimize=True)


def _clip(page: Any, bottom: Any) -> dict[str, float]:
    """Return the part of the page from its heading to *bottom*, or to its end."""
    top = page.locator("h1").first.bounding_box()["y"] - MARGIN
    height = page.evaluate("document.documentElement.scrollHeight")
    end = height if bottom is None else bottom.bounding_box()["y"] - MARGIN
    return {"x": 0, "y": top, "width": WIDTH, "height": end - top}


if __name__ == "__main__":
    main(sys.argv[1:])
