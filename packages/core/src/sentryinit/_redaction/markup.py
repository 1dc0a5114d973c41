"""Values in XML, HTML and forms: ``<password>...</password>``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    NO_SECRET,
    is_secret_value,
    is_sentence,
    looks_random,
)

_LT, _GT = r"(?:<|&lt;|\\u003c)", r"(?:>|&gt;|\\u003e)"
_ATTRIBUTE = r"\s{1,80}([\w:.-]{1,64})\s{0,4}=\s{0,4}(\\*[\"']|&quot;)((?:(?!\2)[^<]){0,1000})\2"
# A start tag; generics of a programming language come after a word.
_TAG = re.compile(
    rf"(?<!\w){_LT}(?:[\w-]{{1,64}}:)?([\w.-]{{1,64}})((?:\s[^<>]{{0,1000}}?)?)(/)?{_GT}", re.IGNORECASE
)
_ATTRIBUTES = re.compile(rf"(?:{_ATTRIBUTE})+\s{{0,80}}")
_ONE_ATTRIBUTE = re.compile(_ATTRIBUTE)
# What is between two tags; CDATA.
_CONTENT = re.compile(r"(?:<!\[CDATA\[)?\s{0,80}((?:(?!\]\]>|&lt;/|\\u003c)[^<\s]|\s+(?![<\s]))+)", re.IGNORECASE)
# The name is the content of an element, the value that of the next.
_PAIR = re.compile(rf"{_GT}\s{{0,80}}([\w .-]{{1,64}}?)\s{{0,80}}{_LT}/([\w:.-]{{1,64}}){_GT}\s{{0,80}}{_LT}([\w:.-]{{1,64}})[^<>]{{0,200}}{_GT}", re.IGNORECASE)
# A part of a form.
_PART = re.compile(
    r"form-data;[^\n\\]{0,200}?\bname=\\?\"?([\w.\[\]-]{1,64})[^\n\\]{0,200}\\?\"?(?:\\r|\r)?(\n|\\n)"
    r"(?:[^\n\\]{1,200}(?:\\r|\r)?\2){0,5}(?:\\r|\r)?\2"
)
_PART_END = re.compile(r"(?:\r?\n|(?:\\r)?\\n)--")
_NAME_ATTRIBUTES, _VALUE_ATTRIBUTES = ("name", "key", "id", "property"), ("value", "content", "default")
