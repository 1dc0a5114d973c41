"""Compare the pictures with the pages that show them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
PICTURES = ROOT / "docs" / "pictures"
LARGEST = 150_000
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
PNG = b"\x89PNG\r\n\x1a\n"


def shown() -> dict[Path, set[str]]:
    """Return the files that the pages show, each with the texts in place of it."""
    found = defaultdict(set)
    for page in PAGES:
        for alt, target in IMAGE.findall(page.read_text()):
            if not re.match(r"\w+:", target):
                found[(page.parent / target).resolve()].add(alt)
    return found


def test_each_picture_is_there_and_is_shown() -> None:
    """Each image of a page has its file, and each picture its page."""
    images = shown()
    assert [str(path) for path in images if not path.exists()] == []
    assert set(PICTURES.iterdir()) - images.keys() == set()


def test_each_image_has_a_text_that_says_what_it_shows() -> None:
    """Who does not see an image reads a sentence in place of it."""
    short = {
        path.name: alts
        for path, alts in shown().items()
        if path.parent == PICTURES and min(map(len, alts)) < 30
    }
    assert short == {}


def test_pictures_are_small() -> None:
    """A picture is a PNG that a phone loads in no time."""
    for path in PICTURES.iterdir():
        content = path.read_bytes()
        assert content.startswith(PNG), path
        assert len(content) < LARGEST, path
