"""Which names of keys and path parameters are sensitive: ``X-Api-Key`` as well as ``apiKey``.

A name is split into words. The last one says what the value is: ``session_timeout`` is a time.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable
from urllib.parse import unquote

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER


class Rank(enum.IntEnum):
    """How surely the values of a name are secrets."""

    NONE = 0
    RANDOM = 1  # ``key``, ``code``: a value that looks random
    LIKELY = 2  # ``token``, ``session``: a value that can be a secret
    CERTAIN = 3  # ``password``: any value but a validator's message
    OWN = 4  # the user's names: any value


# What a value is; the parts of a compound may be written apart.
_CERTAIN = frozenset(
    "password passw pass pwd passwd passwrd pw pass-phrase pass-code pass-key user-pwd pass-word "
    "secret authorization mnemonic mnemonic-phrase seed-phrase recovery-phrase security-phrase "
    "security-answer secret-answer pin cvv cvc otp totp hotp ssn social-security "
    "social-security-number iban card-number card-no card-num cc-number cc-num cc-no passwort "
    "kennwort senha contrasena mot-de-passe mdp wachtwoord haslo secreto secreta contrasenya "
    "passord salasana heslo losenord adgangskode parola parool geslo geheimnis "
    "zugangsdaten kreditkarte psk mfa-token otp-token fa-token".split()
)
_LIKELY = frozenset(
    "token session sess session-id sess-id sid cookie auth oauth authentication x-auth http-auth "
    "basic-auth proxy-auth csrf xsrf jwt bearer signature card credit-card debit-card credential "
    "cred dsn hmac salt connection-string conn-string conn-str conn-info access-key-id "
    "auth-header authorization-header cookie-header pan clave saml-response saml-request "
    "client-assertion".split()
)
_RANDOM = frozenset("key code sig api pat certificate cert crypt secret-id".split())
# In data only: texts have these words too often.
_RANDOM_IN_DATA = frozenset("nonce principal".split())
# Only as the whole name: a shell's folder, results of tests, and ordinary words.
_ALONE = {
    **dict.fromkeys("state email credit signed".split(), Rank.RANDOM),
    **dict.fromkeys("pass pwd oldpwd".split(), Rank.LIKELY),
}
# Words before ``key``; with any other, a value that looks random is a secret.
_CERTAIN_KEYS = frozenset(
    "api private secret access auth authentication authorization signing sign encryption encrypt "
    "decryption shared master subscription license licence account storage hmac aes fernet priv "
    "functions function consumer deploy root crypto cipher vault unseal recovery".split()
)
_LIKELY_KEYS = frozenset(
    "activation admin app application backup client cookie developer ingestion integration "
    "instrumentation jwt kms reset rsa security server service session ssh ssl tls token "
    "verification webhook write".split()
)
# Words before ``code``.
_CODES = frozenset(
    "otp totp auth authorization oauth verification verify confirmation confirm reset access "
    "security mfa 2fa fa two-factor sms recovery backup pin activation invite invitation login "
    "unlock secret magic one-time cvv cvc".split()
)
# Keys of databases, caches, messages; and words that end like sensitive ones.
_HARMLESS = frozenset(
    "primary-key foreign-key public-key cache-key sort-key partition-key routing-key group-key "
    "hash-key range-key composite-key natural-key surrogate-key candidate-key unique-key "
    "lookup-key dict-key map-key json-key index-key object-key bucket-key redis-key row-key "
    "shard-key idempotency-key dedup-key deduplication-key issue-key translation-key message-key "
    "locale-key config-key setting-key order-key pub-key publishable-key registry-key item-key "
    "memcache-key first-pass second-pass single-pass render-pass boarding-pass last-pass "
    "multipass compass bypass surpass trespass overpass underpass encompass subpass obsession "
    "possession public-key-token pins gpio-pin use-session cookie-secure secret-str "
    "secret-bytes".split()
)
# What says nothing about a value: ``password_hash``, ``old_password_confirmation``.
_TRANSPARENT = frozenset(
    "value val hash hashed digest data string str text raw plain plaintext cleartext encrypted "
    "encoded decoded decrypted old new current confirm confirmation confirmed repeat repeated "
    "again bytes base b hex sha md bcrypt argon pem prod production dev development stage "
    "staging test testing live sandbox local default backup primary secondary prev previous next "
    "orig original alt temp tmp verification verify secure super".split()
)
# Last words that say that the value is no secret. With other ones it may be: ``token_info``.
_THINGS = frozenset(
    "id ids uuid guid name names url uri urls link endpoint host domain path file filename dir "
    "version type kind status arn region count at timeout age ttl expiry expires used brand error "
    "algorithm alg length format class model policy scope scopes issuer audience prefix suffix "
    "title label description user username hint supported".split()
)
# A name that begins with these is a question or a number: ``has_password``, ``max_tokens``.
_QUESTIONS = frozenset(
    "has is had no use uses using allow allows enables enabled disable disabled require "
    "requires required needs need show hide can should must with without skip max min num "
    "total count avg".split()
)
# Anywhere in a name; ``use`` is not, because of ``single_use_token``.
_VERBS = frozenset("has is requires uses allows enables".split())
# The thing stands before these: ``token_for_orders``, ``number_of_tokens``.
_PREPOSITIONS = frozenset("of for from".split())
# Sensitive as path parameters.
_PARAMETERS = frozenset("email mail phone username key code hash nonce sig".split())

_BY_RANK = {
    Rank.CERTAIN: (
        *_CERTAIN,
        *(f"{word}-key" for word in _CERTAIN_KEYS),
        *(f"{word}-code" for word in _CODES),
    ),
    Rank.LIKELY: (*_LIKELY, *(f"{word}-key" for word in _LIKELY_KEYS)),
    Rank.RANDOM: _RANDOM | _RANDOM_IN_DATA,
    Rank.NONE: _HARMLESS,
}
_RANKS = {
    spelling: rank
    for rank, names in _BY_RANK.items()
    for name in names
    for spelling in (name.replace("-", " "), name.replace("-", ""))
}
_LONGEST = max(spelling.count(" ") for spelling in _RANKS) + 1
# Words that are recognised at the end of another, too: ``dbpassword``, ``accesstokenvalue``.
_ENDINGS = (
    *"password passwd passphrase passcode passwort kennwort wachtwoord secret token cookie".split(),
    *"session sessionid sessid credential signature authorization pass pwd pw jwt cvv cvc".split(),
    *"ssn dsn otp csrf xsrf mnemonic creditcard cardnumber nonce".split(),
    *(word for word in _RANKS if re.fullmatch("[a-z]{3,}(key|code)", word) and _RANKS[word]),
)
_ENDING = lazy(
    f"({'|'.join(sorted(_ENDINGS, key=len, reverse=True))})s?"
    f"(?:{'|'.join(sorted(_TRANSPARENT, key=len, reverse=True))})*$"
)

# Each sensitive name contains one of these, whatever its punctuation. Most texts contain none.
_FRAGMENTS = tuple(
    "pass pw secret token auth cookie sess srf cred card phrase answer mnemonic social jwt bearer "
    "iban cv otp ssn dsn hmac kennw senha contras mdp wachtw haslo salasana eslo senord gangs "
    "parola parool geheimnis kreditk psk clave saml".split()
)
# Sensitive anywhere in a name: these languages write compounds as one word, or have endings.
_FOREIGN = tuple(
    "hasł lösenord jelszó şifre contraseñ парол секрет токен 密码 密碼 密钥 口令 令牌 パスワード "
    "トークン 暗証番号 비밀번호 암호".split()
)
# Many texts contain these; after a name is a quote, a separator, an attribute, or a number.
_AFTER_NAME = (
    r"[\w.\[\]-]{0,64}(?:[\"'\\)}%\n]|\s{0,4}[-=]?[=:>]|\s[\w:-]{1,40}=)"
    r"|\s(?:provided|is|was|used|not\svalid|invalid)(?::|\s\d)"
    r"|s?\d?(?:[_.-]\w{1,40})?\s(?:[^\s\d]{0,40}\d|\w{12})"
)
_FREQUENT = {
    **{
        word: lazy(rf"{word}(?:nature|ificate)?(?:{_AFTER_NAME}|(?<=-{word})[\w-]{{0,64}}\s)")
        for word in "key code pin sid salt sig api cert crypt".split()
    },
    "conn": lazy(r"conn(?:ection)?[\W_]?(?:str|info)"),
    "pat": lazy(r"(?<![a-z])pat(?:[\"')\]]{0,2}\s{0,4}[:=>]|\s[^\s\d]{0,40}\d)"),
    "pan": lazy(r"(?<![a-z])pan[\"']?\s{0,4}[:=]"),
    "assertion": lazy(r"client[\W_]?assertion"),
    "cc": lazy(r"cc[\W_]?n"),
}
_WORDS = lazy(r"[^\W\d_]+|\d+")
_HUMP = lazy(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# ``shopSECRETkey``
_UPPER_HUMP = lazy(r"(?<=[A-Z]{4})(?=[a-z])|(?<=[a-z])(?=[A-Z]{4})")
_PUNCTUATION = lazy(r"[\W_]+")


def normalize(name: str) -> str:
    """Return *name* without case and punctuation."""
    return _PUNCTUATION.sub("", name).lower()


class KeyNames:
    """The default names, and *more* names and path *parameters*."""

    def __init__(self, more: Iterable[str] = (), parameters: Iterable[str] = ()) -> None:
        self._parameters = _PARAMETERS.union(map(normalize, parameters))
        self._own = frozenset(filter(None, map(normalize, more)))
        self._cached = functools.lru_cache(maxsize=4096)(self._decide)

    def may_contain(self, text: str) -> bool:
        """Return False if *text* has no sensitive name; those that only data have do not count."""
        lowered = text.lower()
        for fragment in _FRAGMENTS:
            if fragment in lowered:
                return True
        for fragment, name in _FREQUENT.items():
            if fragment in lowered and name.search(lowered):
                return True
        return (not text.isascii() and any(word in lowered for word in _FOREIGN)) or (
            bool(self._own) and any(map(normalize(text).__contains__, self._own))
        )

    def is_sensitive(self, name: str) -> bool:
        """Return True if values of *name* that can be a secret are masked."""
        return self.rank(name) >= Rank.LIKELY

    def rank(self, name: str) -> Rank:
        """Return how surely the values of *name* are secrets."""
        # Long names would fill the memory: applications make them up.
        return self._cached(name) if len(name) < 256 else self._decide(name)

    def is_sensitive_parameter(self, name: str) -> bool:
        """Return True if path parameters *name* are masked."""
        return normalize(name) in self._parameters or self.is_sensitive(name)

    def _decide(self, name: str) -> Rank:
        if PLACEHOLDER.search(name):
            return Rank.NONE  # it was masked before
        name = unquote(name) if "%" in name else name
        if normalize(name) in self._own:
            return Rank.OWN
        name = name[-256:]
        rank = _rank(_split(_HUMP, name))
        mixed = rank == Rank.NONE and _UPPER_HUMP.search(name)
        return _rank(_split(_UPPER_HUMP, name)) if mixed else rank


def _split(hump: re.Pattern[str], name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(hump.sub(" ", name))[-12:]]


def _rank(words: list[str]) -> Rank:
    if len(words) > 1 and (words[0] in _QUESTIONS or not _VERBS.isdisjoint(words)):
        return Rank.RANDOM if _rank(words[1:]) >= Rank.LIKELY else Rank.NONE
    if len(words) == 1 and words[0] in _ALONE:
        return _ALONE[words[0]]
    for at, word in enumerate(words[1:], 1):
        if word in _PREPOSITIONS:
            del words[at:]
            break
    while words:
        rank = _rank_of_last(words)
        if rank is not None:
            return rank
        if words[-1] not in _TRANSPARENT and not words[-1].isdigit():
            break
        words.pop()
    if not words or words[-1] in _THINGS:
        return Rank.NONE
    qualifiers = (_rank_of_last(words[:end]) or Rank.NONE for end in range(1, len(words)))
    return Rank.RANDOM if max(qualifiers, default=Rank.NONE) >= Rank.LIKELY else Rank.NONE


def _rank_of_last(words: list[str]) -> Rank | None:
    """Return the rank of the last of *words*, or of their last ones as a compound."""
    last = words[-1]
    if not last.isascii() and any(word in last for word in _FOREIGN):
        return Rank.CERTAIN
    for ending in (last, last[:-1]) if last[-1:] == "s" else (last,):
        for count in range(min(_LONGEST, len(words)), 0, -1):
            rank = _RANKS.get(" ".join([*words[-count:-1], ending]))
            if rank is not None:
                return rank
    ending_word = _ENDING.search(last[-64:])
    return _RANKS[ending_word[1]] if ending_word else None
