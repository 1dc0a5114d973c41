"""Whether a value under a sensitive name can be a secret, or is a word, a date, code."""

from __future__ import annotations

import datetime as dt
import itertools
import re

from sentryinit._redaction.key_names import Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER

# Pairs of letters that are usual in words and identifiers: a letter, and those that follow it.
_PAIRS = frozenset(
    row[0] + follower
    for row in (
        "abcdgiklmnprstuvwxy bacehilorsuy cacehiklmorstu dacdeilorstu eabcdefgilmnopqrstvwxy "
        "faefilorstu gaehilnrsu haeiort iabcdefglmnoprstvxz jaeou keis ladeilostuy mabeilmopsu "
        "nacdefgiklnopstuv obcdfgiklmnoprstuvwxy paehiloprstuy qu racdefgiklmnoprstuvy "
        "sacehiklmopqstuwy tacehilmorstuwy uabcdefgilmnoprst vaei waehinor xacept yaelmnopst ze"
    ).split()
    for follower in row[1:]
)
_HEX = lazy(
    r"(?i)(?<![0-9a-z])(?=[\d-]*[a-f])"
    r"(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z])"
    r"|(?<![0-9a-z.])\d{20,}(?![0-9a-z.])"
)
# ``hashers.PBKDF2PasswordHasher`` has odd neighbours, too.
_CLASS_PATH = lazy(r"(?:[a-z_]{2,}\.){2,}[A-Z]\w*[a-z]{3}")
_PARTS = lazy(r"[^A-Za-z0-9]+")
# What validators and messages say about a value, in some languages.
_PREDICATES = frozenset(
    "allowed blank cannot characters common denied disallowed does doesn't don't didn't duplicate "
    "ensure exist exists longer maximum minimum permitted shorter "
    "empty entered expected expired failed forbidden incorrect invalid least match mismatch "
    "missing must needs null numeric optional please provided rejected required revoked should "
    "short similar too unable unexpected unknown unset unsupported valid wrong falsch fehlt "
    "erforderlich kurz muss pflichtfeld ungültig courte incorrecte invalide obligatoire requis "
    "corta incorrecta inválida inválido obligatoria obligatorio requerida requerido obrigatória "
    "obrigatório obbligatorio ongeldig verplicht wymagane обязательное обязательно".split()
)
_WORD = lazy(
    r"[(\"'\u201c\u2018\xab]*([^\W\d_]+(?:['\u2019/-][^\W\d_]+)*|\d{1,4})"
    r"[)\"'\u201d\u2019\xbb.,:;!?]*"
)
# Numbers with a unit, counters, versions, durations, dates, times.
_NUMBER = lazy(
    r"""(?:[+-]?|[\^~><=]{1,2}\s?)\d{1,9}(?:[\s.,:/_+-]{1,2}\d{1,9})*\s?(?:[a-zµ%]{1,3}|[kmg]?bytes|seconds|minutes|days)?
    |0x[0-9a-f]{1,8} | 1\d{9}(?:\d{3})? | p?(?:\d{1,4}\s?[dhmst]{1,2}\s?){1,4} | pt\d{1,4}[hms]
    |\d{4}-?\d\d-?\d\d[t\s]\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?\s?(?:z|utc|[+-]\d\d:?\d\d)?
    |(?:[a-z]{3},?\s)?(?:[a-z]{3}\s\d\d?|\d\d?[\s-][a-z]{3}[\s-]\d{2,4}),?\s\d\d:\d\d:\d\d
    (?:\s(?:\d{4}|gmt|utc|[+-]\d{4}))?""",
    re.IGNORECASE | re.VERBOSE,
)
# A dotted path, an error code, a constant, a class, an object's text: more than one word.
_IDENTIFIER = lazy(
    r"""[A-Za-z]+\d{0,3}(?:[._-]{1,2}(?:[A-Za-z]+\d{0,3}|\d{1,4}))+ | [a-z]+:\d{1,9}
    |_*[A-Z]+[a-z]+(?:[A-Z]+[a-z]+)+ | [A-Z]{2,}[a-z]{3,}
    |<[A-Za-z_][\w.]*\s(?:[\w.'\s]+\s)?(?:at\s0x[0-9a-fA-F]+|\d{1,9})>
    |<(?:class|function|module|enum)\s[^<>]*>""",
    re.VERBOSE,
)
_PATH = lazy(r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@ -]+)+[/\\]?|https?://[^\s@]*")
# States, kinds, algorithms: words that say something about a token, a session, a card.
_STATES = frozenset(
    "absent accepted active admin allowed amd64 anonymous apikey approved arm64 authenticated "
    "authorized basic bearer blocked cached cancelled changed checked cleared closed connected "
    "cookie created current declined default deleted denied digest disabled disconnected done "
    "dropped ed25519 empty enabled error es256 expired external failed failure false fetched found "
    "generated guest header hidden hs256 idle ignored inactive incorrect internal invalid "
    "invalidated issued jwt kerberos ldap local locked logged login logout lost malformed manual "
    "mastercard memory mismatch missing mutual negotiate never none ntlm null oauth oauth2 offline "
    "online open opened openid optional paired paypal pending present public query ready received "
    "redis refresh refreshed rejected removed renewed required reset restored revoked rotated "
    "rs256 saml saved secure sent session sha1 sha256 sha512 sso started stopped strict success "
    "succeeded terminated timeout token true unauthenticated unauthorized unavailable unchanged "
    "undefined unknown unset unsigned unsupported updated used user valid verified visa visitor "
    "warning wrong".split()
)
_SCHEMES = frozenset("bearer basic digest token negotiate apikey hawk dpop ntlm key".split())
# A template's parameter, or what another tool put in place of a secret.
_PLACEHOLDER = lazy(
    r"""none|null|nil|undefined|nan|n/a|required|missing|invalid|blank|(?:not|no)\s[a-z]+
    |0{8}-(?:0{4}-){3}0{12} | [*•●]+ | x{3,} | \.{3} | … | \? | %[sdr] | \$\d{1,3}
    |[\[<(*]{1,3}(?:redacted|filtered|hidden|masked|removed|scrubbed|omitted|secret)[\]>)*]{1,3}
    |\$?\{{1,3}\s?NAME\s?\}{1,3} | \$\{\{\s?NAME\s?\}\} | <{1,2}NAME>{1,2}
    # Special tokens of language models; words of GitHub Actions and of browsers; algorithms; files.
    |\[(?-i:[A-Z]{2,8})\] | </NAME> | <\|NAME\|>
    |inherit|include|omit|same-origin | argon2(?:id?|d)? | [bs]crypt | pbkdf2
    |(?:~|\.{1,2}|[a-z]:)?(?:[/\\][\w.-]+)+\.(?:pem|key|crt|cer|der|p12|pfx|jks|pub)
    |(?:/run/secrets|~/\.ssh)(?:/[\w.-]+)+
    |%\(NAME\)s | %NAME% | [$:]NAME""".replace("NAME", r"([A-Za-z][A-Za-z_.\ -]*\d?)"),
    re.IGNORECASE | re.VERBOSE,
)
# Characters of a value that is read; a longer one is a secret.
_LONGEST = 1024
_LARGE = 10**18
# Types in JSON Schema and OpenAPI.
KINDS = tuple(
    "string integer number boolean object array null apiKey http oauth2 openIdConnect".split()
)
# Words of sentences about a secret: *token: expired*.
_SENTENCE_WORDS = frozenset(
    "a an and any are at be been bad by can cannot contains could did does empty error expected "
    "expired failed field for found from has have if in incorrect invalid is it its length "
    "malformed may mismatch missing must mustn't needs no not of off ok on optional or required "
    "rejected reset revoked shall should string success the this to too unable unexpected unknown "
    "unset unsupported used user was were when will with without wrong you your".split()
)


def is_secret_value(value: object, rank: Rank) -> bool:
    """Return True if *value*, no container, can be a secret under a name of *rank*."""
    if rank == Rank.NONE or value is None or (rank < Rank.OWN and isinstance(value, bool)):
        return False
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[: _LONGEST + 1]).decode("utf-8", "replace")
    if isinstance(value, str):
        return not PLACEHOLDER.fullmatch(value) and _is_secret_text(value, rank)
    if rank == Rank.LIKELY and isinstance(value, int):
        return not _NUMBER.fullmatch(str(min(int(value), _LARGE)))
    is_number = isinstance(value, (float, dt.date, dt.timedelta))
    return rank >= Rank.CERTAIN or (rank == Rank.LIKELY and not is_number)


def _is_secret_text(text: str, rank: Rank) -> bool:
    if rank == Rank.RANDOM:
        return looks_random(text)
    text = PLACEHOLDER.sub("0", text)  # masked before, it is judged like the first time
    if rank == Rank.OWN or len(text) > _LONGEST:
        return True
    if not text or is_placeholder(text) or is_sentence(text):
        return False
    return rank == Rank.CERTAIN or not _is_harmless(text)


def is_placeholder(text: str) -> bool:
    """Return True for what stands in place of a secret: ``***``, ``None``, ``${TOKEN}``."""
    found = _PLACEHOLDER.fullmatch(text.strip()) if len(text) < _LONGEST else None
    return found is not None and not (found.lastindex and looks_random(found[found.lastindex]))


def _is_harmless(text: str) -> bool:
    """Return True for a number, a date, a word, a class, words, a path, a URL."""
    text = text.strip()
    if len(text) < 4 or _NUMBER.fullmatch(text) or text.lower() in _STATES:
        return True
    if looks_random(text):
        return False
    return bool(_IDENTIFIER.fullmatch(text) or _PATH.fullmatch(text) or _is_prose(text))


def _is_prose(text: str) -> bool:
    """Return True for several words, except after the scheme of credentials."""
    words = text.split()
    is_plain = len(words) > 1 and all(map(_WORD.fullmatch, words))
    return is_plain and (len(words) > 2 or words[0].lower() not in _SCHEMES)


def looks_random(text: str) -> bool:
    """Return True if *text* has no blank and is no word, identifier, number, or date."""
    text = PLACEHOLDER.sub(".", text[:256]) if "[" in text else text[:256]
    words = text.split(maxsplit=1)
    if len(words) != 1 or len(text := words[0]) < 8 or _CLASS_PATH.fullmatch(text):
        return False
    parts = [part for part in _PARTS.split(text) if len(part) >= 8]
    return bool(_HEX.search(text)) or any(map(_is_odd, (text, *parts)))


def _is_odd(text: str) -> bool:
    """Return True if many neighbours in *text* are unusual: ``xq``, ``4f``, ``abc``."""
    odd, pairs, run = 0.0, 0.0, 0
    for first, second in itertools.pairwise(text):
        both = first + second
        run = run + 1 if ord(second) - ord(first) == 1 else 0
        if both.isdigit() or not both.isalnum():
            pairs += 0.5
            continue
        pairs += 1
        hump = first.islower() and second.isupper()
        if not both.isalpha() or run > 1 or (not hump and both.lower() not in _PAIRS):
            odd += both.isascii()
        elif hump:
            odd += 0.5
    return odd >= 3 and odd >= 0.3 * pairs


def is_sentence(text: str) -> bool:
    """Return True if *text* is a sentence, as of a validator: ``This field is required``."""
    words = [_WORD.fullmatch(word) for word in text.split()] if len(text) <= _LONGEST else []
    found = [word[1].lower() for word in words if word]
    return len(found) == len(words) > 1 and not _PREDICATES.isdisjoint(found)


def is_sentence_word(word: str) -> bool:
    """Return True for a word of a sentence about a secret: ``token: expired``."""
    return word.strip("().,:;!").lower() in _SENTENCE_WORDS
