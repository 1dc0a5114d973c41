"""Whether a value under a sensitive name can be a secret, or is a word, a date, code."""

from __future__ import annotations

import re

from sentryinit._redaction.key_names import Rank, normalize

# In place of a secret: None, ***, a template's parameter.
NO_SECRET = re.compile(
    r"(?:none|null|nil|true|false|undefined|nan|\*+|\.{3}|…|<[\w -]*>?|\?|%s|%\(\w*\)s|%\d*[sd]"
    r"|\$\d+|:\w+|\$?\{+[\w.:!-]*\}+|\[filtered\]|\[redacted\])[,;.)\]}]*",
    re.IGNORECASE,
)
# Words of sentences about a secret: *token: expired*.
_SENTENCE_WORDS = frozenset(
    "a an and any are at be been bad by can cannot contains could did does empty error expected "
    "expired failed field for found from has have if in incorrect invalid is it its length "
    "malformed may mismatch missing must mustn't needs no not of off ok on optional or required "
    "rejected reset revoked shall should string success the this to too unable unexpected unknown "
    "unset unsupported used user was were when will with without wrong you your".split()
)
# After these names even a single plain word is a secret.
_ALWAYS_SECRET = ("pass", "pwd", "secret")
_CALL = re.compile(
    r"[A-Za-z_][\w.]*(?:\([^()]*\)|\[[^\[\]]*\])[)\]},:;]*$|(?:self|cls|os|settings|request)\.\w"
)
_CALL_BEGUN = re.compile(r"[A-Za-z_][\w.]*[(\[]")


def is_secret_value(value: object, rank: Rank) -> bool:
    """Return True if *value*, under a name of *rank* in data, is masked."""
    return rank >= Rank.LIKELY and value is not None


def is_assigned_secret(separator: str, name: str, value: str) -> bool:
    """Return False for code: a call, an attribute, a name assigned to the same name."""
    spaced = separator != separator.strip()
    code = _CALL.match(value) or (spaced and _CALL_BEGUN.match(value))
    return not code and normalize(value) != name


def is_secret_in_sentence(_separator: str, name: str, value: str) -> bool:
    """Return False for words of a sentence: ``token: expired``."""
    if is_sentence_word(value.split(maxsplit=1)[0]):
        return False
    plain = value.isalpha() and len(value) < 20
    return not plain or any(word in name for word in _ALWAYS_SECRET)


def is_sentence_word(word: str) -> bool:
    return word.strip("().,:;!").lower() in _SENTENCE_WORDS
