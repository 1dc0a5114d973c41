"""Values in XML, HTML and forms: ``<password>...</password>``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import is_secret_value, looks_random

# As it is, and as HTML and JSON escape it.
_LT, _GT = r"(?:<|&lt;|\\u003c)", r"(?:>|&gt;|\\u003e)"
_QUOTED = r"(?:\\?\"[^\"<]{0,300}\"|'[^'<]{0,300}'|&quot;[^<&]{0,300}&quot;|[^\s\"'<>=&]{1,300})"
_ATTRIBUTE = rf"\s{{1,80}}[\w:.-]{{1,64}}(?:\s?=\s?{_QUOTED})?"
# A start tag. After a word, "<" begins the parameter of a type.
_TAG = lazy(
    rf"(?<!\w){_LT}(?!(?:a|button|label|option|select)\b)((?:[\w-]{{1,64}}:)?([\w.-]{{1,64}}))"
    rf"((?:{_ATTRIBUTE}){{0,20}})\s{{0,80}}(/?){_GT}",
    re.IGNORECASE,
)
_NAME = lazy(r"\s(?:name|key|type)\s?=\s?(?:\\?[\"']|&quot;)?([\w.-]{1,64})")
_VALUE = lazy(r"\s(?:value|content|default)\s?=\s?(\\?[\"']|&quot;)(.{1,300}?)\1")
# What is no text inside of an element.
_NO_TEXT = lazy(
    r"<!\[CDATA\[|\]\]>|</?[\w:.-]{1,80}(?:\s[^<>]{0,1000})?>"
    r"|(?:&lt;|\\u003c)/?[\w:.-]{1,80}(?:&gt;|\\u003e)",
    re.IGNORECASE,
)
# The rest of a truncated text.
_CUT = lazy(r"(?:<!\[CDATA\[)?([^\s<>&]{4,256})(?:<[^<>\s]{0,64})?\Z")
# Elements without content.
_VOID = frozenset("img input link meta param".split())
_ANY_TAG = lazy(rf"{_LT}[/!\w]")
# A name in an element, and the start of the next one: "<key>password</key><string>".
_PAIR = lazy(
    r"<((?:\w{1,40}-)?name|key|field|string|dt|td|th)>\s{0,80}([\w .-]{1,64}?)\s{0,80}:?</\1>"
    r"\s{0,80}<([\w:.-]{1,64})>(?:\s{0,80}<\w{1,64}>)?",
    re.IGNORECASE,
)
# A label, and a word behind it.
_LABEL = lazy(
    r"<(b|strong|em|i|span|label|dt|p)>([\w .-]{1,64}?)\s?:?\s?</\1>\s?:?\s{0,4}([^\s<>]{6,256})",
    re.IGNORECASE,
)
# The head of a part of a form, up to the empty line; also with escaped line breaks.
_PART = lazy(
    r"form-data; ?name=\\?\"?([\w.\[\]-]{1,64})\\?\"?(?:;[^\n\\]{0,200})?"
    r"(\r?\n|(?:\\r)?\\n)(?:[^\r\n\\]{1,200}\2){0,5}\2"
)
_PART_END = lazy(r"(?:\r?\n|(?:\\r)?\\n)--")


def mask_markup(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the contents of elements, and of parts of forms, with sensitive names."""
    if "<" in text or "lt;" in text or "u003" in text:
        text = mask_spans(text, _elements(text, names), mask)
        text = mask_spans(text, _pairs(text, names), mask)
    if "form-data;" in text:
        text = mask_spans(text, _parts(text, names), mask)
    return text


def _elements(text: str, names: KeyNames) -> Iterator[Span]:
    done = 0
    for tag in _TAG.finditer(text):
        rank = max(map(names.rank, (tag[2], *_NAME.findall(tag[3]))))
        if tag.start() < done or not rank:
            continue
        if value := _VALUE.search(text, tag.start(3), tag.end(3)):
            yield from _secret(text, *value.span(2), rank)
        at, done = tag.end(), _element_end(text, tag)
        for part in _NO_TEXT.finditer(text, at, done):
            yield from _secret(text, at, part.start(), rank)
            at = part.end()
        yield from _secret(text, at, done, rank)


def _element_end(text: str, tag: re.Match[str]) -> int:
    """Return where the element that *tag* begins ends; a truncated text ends with it."""
    start = tag.end()
    if tag[4] or tag[2].lower() in _VOID:
        return start
    end = text.find(f"/{tag[1]}", start, start + 4000)
    if end < 0:
        cut = _CUT.match(text, start)
        if cut and looks_random(cut[1]):
            return cut.end(1)
        return (
            start if _ANY_TAG.search(text, start) or "</" not in text[: tag.start()] else len(text)
        )
    opening = text[start:end].lower()
    return end - next(
        (len(lt) for lt in ("<", "&lt;", "\\u003c") if opening.endswith(lt)), end - start
    )


def _secret(text: str, start: int, end: int, rank: Rank) -> Iterator[Span]:
    """Find the content between *start* and *end*, without blanks around it."""
    content = text[start:end]
    start += len(content) - len(content.lstrip())
    end -= len(content) - len(content.rstrip())
    masked = PLACEHOLDER.fullmatch(text, start, end)
    if start < end and not masked and is_secret_value(text[start:end], rank):
        yield start, end


def _pairs(text: str, names: KeyNames) -> Iterator[Span]:
    for pair in _PAIR.finditer(text):
        rank = names.rank(pair[2])
        end = text.find("<", pair.end()) if rank else -1
        in_table = pair[1] == pair[3]  # the names of columns are beside each other
        if end > 0 and (not in_table or looks_random(text[pair.end() : end])):
            yield from _secret(text, pair.end(), end, rank)
    for label in _LABEL.finditer(text):
        if looks_random(label[3]):
            yield from _secret(text, *label.span(3), names.rank(label[2]))


def _parts(text: str, names: KeyNames) -> Iterator[Span]:
    done = 0
    for part in _PART.finditer(text):
        if part.start() >= done and (rank := names.rank(part[1])):
            end = _PART_END.search(text, part.end())
            done = end.start() if end else len(text)
            yield from _secret(text, part.end(), done, rank)
