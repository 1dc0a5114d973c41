"""What the search finds besides words: numbers, what tables are looked up by, and ``terms.toml``.

``search.js`` beside this file is the other half, for the browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tomllib
from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

SCRIPT = Path(__file__).with_name("search.js")
TERMS: dict[str, dict[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("terms.toml").read_text()
)

# The pages whose tables are looked up by their first cells.
_LOOKED_UP = re.compile(r"reference/(?!api/|compatibility|delivery)|migrate/options")
_CLAUSE = re.compile(r"[A-I]\d+")
# How Sphinx writes the names of private modules in the index.
_PRIVATE = re.compile(r"\b(sentryinit\w*)\._\w+")


class English(SearchEnglish):
    """The words of the search: with numbers such as 503, without those of questions."""

    stopwords = SearchEnglish.stopwords | {"add", "do", "how", "i", "my", "what", "where", "why"}

    def word_filter(self, word: str) -> bool:
        """Return whether *word* is searched for."""
        return word.isdigit() or super().word_filter(word)


class Entries(SphinxTransform):
    """Give each row that is looked up an id and its index entries; name no private module."""

    default_priority = 840  # before Sphinx takes the entries for its index

    def apply(self, **_options: Any) -> None:
        """Change the page."""
        for entry in self.document.findall(addnodes.index):
            entry["entries"] = [
                (kind, _PRIVATE.sub(r"\1", text), *rest) for kind, text, *rest in entry["entries"]
            ]
        for table in self.document.findall(nodes.table):
            for code in table.findall(nodes.literal):
                if len(code.astext()) <= 24 and " " not in code.astext():
                    code["classes"].append("whole")
        if _LOOKED_UP.match(self.env.docname):
            for table in list(self.document.findall(nodes.table)):
                _index(table, self.document)
        for place, terms in TERMS.get(self.env.docname, {}).items():
            if place and place not in self.document.ids:
                raise ExtensionError(f"terms.toml: {self.env.docname} has no place {place!r}")
            self.document.insert(0, _entries(terms, place))


def _entries(terms: Iterable[str], place: str) -> addnodes.index:
    return addnodes.index(entries=[("single", term, place, "main", None) for term in terms])


def _index(table: nodes.table, doctree: nodes.document) -> None:
    heads, *rows = table.findall(nodes.row)
    names = [cell.astext() for cell in heads.children]
    for row in rows:
        terms = list(dict.fromkeys(_terms(row, names)))
        if terms:
            place = nodes.make_id(f"row-{terms[0]}")
            if place not in doctree.ids:  # a second row of this name is found by the first
                row["ids"] = [place]
                doctree.set_id(row)
            table.parent.insert(table.parent.index(table), _entries(terms, place))


def _terms(row: nodes.Node, names: list[str]) -> Iterator[str]:
    """Return what the *row* of a table with the heads *names* is looked up by."""
    for position, (name, cell) in enumerate(zip(names, row.children, strict=True)):
        text = cell.astext()
        codes = [code.astext() for code in cell.findall(nodes.literal)]
        if position == 0 and (_CLAUSE.fullmatch(text) or (codes and ", ".join(codes) == text)):
            yield from codes or [text]
        elif name == "environment":
            yield from codes
        elif name == "exit code":
            yield from (f"exit code {number}" for number in re.findall(r"\d+", text))
        if position == 0 and name == "exit code":
            yield row.children[1].astext()


def hide_private(_app: Any, env: Any) -> None:
    """Keep the search from results with the names of private modules."""
    known = env.domaindata["py"]["objects"]
    for name, entry in known.items():
        if _PRIVATE.match(name):
            known[name] = entry._replace(aliased=True)
