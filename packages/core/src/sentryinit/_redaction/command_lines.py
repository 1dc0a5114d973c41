"""Passwords in command lines: ``curl -u ann:...``, ``mysql -p...``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, normalize
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
    is_sentence_word,
    looks_random,
)

# Programs, and their options for a password. After "-p" it is the next argument, or the rest of
# this one; after "-p+" only the rest; after "-u:" there is a user in front of the password.
_PROGRAMS = (
    ("curl", "-u: --user: -U: --proxy-user: -E: --cert: --pass --oauth2-bearer"),
    ("http https", "-a: --auth:"),
    ("mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlsh mariadb mariadb-dump", "-p+"),
    ("sshpass mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat", "-p"),
    ("login", "-p"),
    ("redis-cli valkey-cli keydb-cli", "-a"),
    ("ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare", "-w"),
    ("ldappasswd", "-w -s -a"),
    ("openssl", "-passin -passout -pass"),
    ("smbclient rpcclient", "-U:"),
    ("sqlcmd bcp isql tsql", "-P"),
    ("cqlsh cypher-shell rdesktop smbmap psexec twine", "-p"),
    ("ipmitool zip unzip", "-P"),
    ("7z 7za rar unrar", "-hp+ -p+"),
    ("plink pscp psftp putty", "-pw"),
    ("snmpget snmpwalk snmpset", "-A -X -c"),
    ("keytool jarsigner", "-storepass -keypass"),
    ("lftp", "-u:"),
)
_OPTIONS = {name: row[1].split() for row in _PROGRAMS for name in row[0].split()}
_PROGRAM = lazy(
    rf"({'|'.join(sorted(map(re.escape, _OPTIONS), reverse=True))})(?:\.exe)?(?=[ \t]|[\"'],)"
)
_OPTION = lazy(r"[\s\"'(\[,=|`]-[A-Za-z-]")
_ARGUMENT = lazy(
    r"(?:[ \t]+(?:\\\n[ \t]*)?|[\"'],\s{0,4}b?[\"'])(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"'|;&<>]+))"
)
# Options of curl without a value may be in front of the last one: "-sSfu".
_BUNDLED = lazy(r"-[#0-9BGIJLMNORSZafgijklnpqsv]{1,8}(?=[uUE]\Z)")
_QUOTED = lazy(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_USER = lazy(
    r"(?![a-z]+://)[^:%,]{1,128}[:%,](?!\$|(?i:pass(?:word)?|pwd|token|secret|(?:api_?)?key|xxx+|yyy+)$)."
)
# What an option refers to: a variable, a file, another program.
_REFERENCE = lazy(
    r"\$(?:\w+(?![\w:])|[({])|(?:env|file|fd|stdin|prompt)(?::|$)|-|%\w+%$|[A-Z_]+\]?$|requires$"
)
# Passwords by their position.
_POSITIONAL = (
    ("net use ", lazy(r"(?i)\bnet use (?:\S+ ){1,2}([^\s/]\S*) /u(?:ser)?:")),
    ("net user ", lazy(r"\bnet user \S+ ([^\s/]\S*) /")),
    ("htpasswd -", lazy(r"\bhtpasswd -(?:\w*b\w* \S+|\w*n\w*) \S+ (\S+)")),
    ("rabbitmqctl ", lazy(r"\b(?:add_user|change_password|authenticate_user) \S+ (\S+)")),
    (
        "AUTH ",
        lazy(
            r"\bAUTH (?:(?:PLAIN|LOGIN|XOAUTH2) )?"
            r"((?:\w+ )?(?=\S{0,80}\d|[A-Za-z+/]{8,80}=)[^\s)\"'\\]{6,})"
        ),
    ),
    # IMAP, behind a tag
    (
        "LOGIN ",
        lazy(
            r"(?:\b[A-Za-z]{0,4}\d{1,6} |b[\"'])LOGIN \"?[\w.@+-]{1,64}\"? "
            r"\"?((?=[^\s\"]{0,80}\d)[^\s\"'\]]{4,128})"
        ),
    ),
    (
        "sqlplus ",
        lazy(r"\bsqlplus (?:-\w+ ){0,3}([A-Za-z][\w$#]{0,63}/[^\s@/\"']{3,128})(?!\S)"),
    ),
    ("CONNECT ", lazy(r"\bCONNECT (\w{1,64}/(?=\S{0,64}\d)[^\s@/\"']{3,128})(?![^\s;])")),
    ("userid=", lazy(r"\buserid=([A-Za-z][\w$#]{0,63}/[^\s@/\"']{3,128})")),
    ("openssl ", lazy(r"\bopenssl (?:enc|aes[\w-]+|des3?)\b[^\n|;&]{0,200}? -[kK] (\S+)")),
    ("freerdp ", lazy(r"\b[xw]l?freerdp [^\n|;&]{0,200}?(?<= )/p:(\S+)")),
    ("schtasks ", lazy(r"\bschtasks [^\n|;&]{0,200}?(?<= )/rp (\S+)")),
    ("SecureString ", lazy(r"SecureString (?:-String )?[\"']([^\"'\n]{1,256})[\"']")),
    (
        "chpasswd",
        lazy(r"(?<![\w.-])[\w.-]{1,32}:([^\s\"'|:]{1,128})[\"']? ?\| ?(?:sudo )?chpasswd"),
    ),
    # SQL
    (
        "SET PASSWORD",
        lazy(
            r"\bSET PASSWORD (?:FOR [^\s=]{1,128} )?(?:=|TO) (?:PASSWORD\()?[\"']([^\"'\n]{1,256})"
        ),
    ),
    (
        "IDENTIFIED BY ",
        lazy(r"\bIDENTIFIED BY (?:PASSWORD |VALUES )?[\"']?([^\s\"';,]{1,256})"),
    ),
    ("crypt(", lazy(r"\bcrypt\('([^'\n]{1,256})',")),
)
# Options of all programs, and commands that set a value.
_FLAG = lazy(
    r"(?<![\w-])(?:--?|config(?:ure)? set |setx |ENV )([A-Za-z][\w.-]*)[ \t]{1,4}(?![-\s=<\[(])"
)
_VALUE = lazy(r"\"((?:[^\"\\\n]|\\.)*)|'([^'\n]*)|([^\s\"',;&<>|]+)")
# Behind an option that a sentence is about.
_PROSE = frozenset("argument arguments flag flags for instead option options via".split())


def mask_commands(text: str, mask: Mask) -> str:
    """Mask passwords in the arguments of known programs."""
    if "-" in text and _OPTION.search(text) and _PROGRAM.search(text):
        text = mask_spans(text, _passwords(text), mask)
    for hint, pattern in _POSITIONAL:
        if hint in text:
            spans = (match.span(1) for match in pattern.finditer(text))
            text = mask_spans(text, (span for span in spans if _is_value(text, *span)), mask)
    return text


def mask_options(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the values of sensitive options: ``--token ...``."""
    has_option = text[:1] == "-" or ("-" in text and _OPTION.search(text))
    if has_option or " set " in text or "setx " in text or "ENV " in text:
        text = mask_spans(text, _options(text, names), mask)
    return text


def _passwords(text: str) -> Iterator[Span]:
    done = 0
    for program in _PROGRAM.finditer(text):
        if program.start() < done or text[program.start() - 1 : program.start()].isalnum():
            continue
        option, done = "", program.end()
        if text[done : done + 2] in {" =", " :"}:
            continue  # a variable
        is_list = text[done] in "\"'"
        while argument := _ARGUMENT.match(text, done):
            start, end = argument.span(argument.lastindex or 0)
            done = argument.end()
            if not option:
                option, start = _option(text[start:end], _OPTIONS[program[1]], start)
                quoted = None if is_list or start < end or not option else _QUOTED.match(text, end)
                if quoted:
                    (start, end), done = quoted.span(quoted.lastindex or 0), quoted.end()
                if start == end:
                    option = "" if option.endswith("+") else option
                    continue
            if option[-1] == ":" and text[end - 1] == ":" and (rest := _QUOTED.match(text, end)):
                done = end = rest.end()
            start, option = _value_start(text[start:end], option, start), ""
            if start >= 0 and _is_value(text, start, end):
                yield start, end


def _option(argument: str, options: list[str], start: int) -> tuple[str, int]:
    """Return the option that *argument* begins with, and where the value in it starts."""
    if options[0] == "-u:" and _BUNDLED.match(argument):
        start, argument = start + len(argument) - 2, f"-{argument[-1]}"
    for option in options:
        name = option.rstrip("+:")
        if argument == name or argument.startswith(f"{name}="):
            return option, start + len(name) + (argument != name)
        if argument.startswith(name) and len(name) < 4 and option != "-pw":
            return option, start + len(name)
    return "", start + len(argument)


def _value_start(value: str, option: str, start: int) -> int:
    """Return where the password is, -1 if there is none."""
    if option.startswith("-pass"):
        return start + 5 if value.startswith("pass:") else -1
    if option[-1] == ":" and value[-1:] == ":":
        return start if looks_random(value[:-1]) else -1  # a key instead of a user
    return -1 if option[-1] == ":" and not _USER.match(value) else start


def _is_value(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    return bool(value) and not (
        _REFERENCE.match(value)
        or is_placeholder(value)
        or not PLACEHOLDER.sub("", value).strip("]).:,;")
    )


def _options(text: str, names: KeyNames) -> Iterator[Span]:
    for match in _FLAG.finditer(text):
        rank = names.rank(match[1])
        if rank and (value := _VALUE.match(text, match.end())):
            start, end = value.span(value.lastindex or 0)
            word = text[start:end].rstrip("]).:")
            is_word = is_sentence_word(word) or word.lower() in _PROSE
            is_word = is_word or normalize(word) == normalize(match[1])
            if _is_value(text, start, end) and not is_word and is_secret_value(word, rank):
                yield start, start + len(word)
