"""Whether a value under a sensitive name can be a secret, or is a word, a date, code."""

from __future__ import annotations

import itertools
import re

from sentryinit._redaction.key_names import Rank, normalize

# Pairs of letters that are usual in words and identifiers: a letter, and those that follow it.
_PAIRS = frozenset(
    row[0] + follower
    for row in (
        "abcdgiklmnprstuvwxy baceilorsuy cacehiklmorstu dacdeilorstu eabcdefgilmnopqrstvwxy "
        "faefilorstu gaehilnrsu haeiort iabcdefglmnoprstvxz jaeou keis ladeilostuy mabeilmopsu "
        "nacdefgiklnopstuv obcdfgiklmnoprstuvwxy paehiloprstuy qu racdefgiklmnoprstuvy "
        "sacehiklmopqstuwy tacehilmorstuwy uabcdefgilmnoprst vaei waehinor xacept yaelmnopst ze"
    ).split()
    for follower in row[1:]
)
_HEX = re.compile(
    r"(?i)(?<![0-9a-z])(?=[a-f]*\d)(?=\d*[a-f])"
    r"(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z])"
)
_PARTS = re.compile(r"[^A-Za-z0-9]+")
# What validators and sentences say about a value, in some languages.
_PREDICATES = frozenset(
    "blank cannot characters denied disallowed does doesn't duplicate "
    "empty expected expired failed forbidden incorrect invalid least match "
    "mismatch missing must needs not null optional provided rejected required revoked should "
    "short too unexpected unknown unset unsupported valid wrong "
    "obligatoire requis invalide erforderlich pflichtfeld muss ungültig fehlt obligatorio "
    "requerido requerida inválido inválida obrigatório obrigatória verplicht ongeldig wymagane "
    "obbligatorio обязательное обязательно".split()
)
_WORD = re.compile(
    r"[(\"'\u201c\u2018\xab]*([^\W\d_]+(?:['\u2019/-][^\W\d_]+)*|\d{1,4})[)\"'\u201d\u2019\xbb.,:;!?]*"
)
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


def looks_random(text: str) -> bool:
    """Return True if *text* has no blank and is no word, identifier, number, or date."""
    if len(text) < 8 or not text.isprintable() or " " in text:
        return False
    text = text[:256]
    parts = [part for part in _PARTS.split(text) if len(part) >= 8]
    return bool(_HEX.search(text)) or any(map(_is_odd, (text, *parts)))


def _is_odd(text: str) -> bool:
    """Return True if many neighbours in *text* are unusual: ``xq``, ``4f``; half: ``aB``."""
    odd = pairs = 0.0
    for first, second in itertools.pairwise(text):
        both = first + second
        if both.isdigit() or not both.isalnum():
            pairs += 0.5
            continue
        pairs += 1
        if not both.isalpha() or (second.islower() or first.isupper()) * (
            both.lower() not in _PAIRS and both.isascii()
        ):
            odd += 1
        elif first.islower() and second.isupper():
            odd += 0.5
    return odd >= 3 and odd >= 0.3 * pairs


def is_sentence(text: str) -> bool:
    """Return True if *text* is a sentence, as of a validator: ``This field is required``."""
    words = [_WORD.fullmatch(word) for word in text[:1024].split()]
    found = [word[1].lower() for word in words if word]
    return len(found) == len(words) > 1 and not _PREDICATES.isdisjoint(found)


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
