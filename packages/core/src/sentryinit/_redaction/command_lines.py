"""Passwords in command lines: ``curl -u ann:...``, ``mysql -p...``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, normalize
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
    is_sentence_word,
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
    ("cqlsh rdesktop smbmap psexec twine", "-p"),
    ("ipmitool zip unzip", "-P"),
    ("7z 7za rar unrar", "-p+"),
    ("plink pscp psftp putty", "-pw"),
    ("snmpget snmpwalk snmpset", "-A -X -c"),
    ("keytool jarsigner", "-storepass -keypass"),
    ("lftp", "-u:"),
)
_OPTIONS = {name: row[1].split() for row in _PROGRAMS for name in row[0].split()}
_PROGRAM = re.compile(
    rf"({'|'.join(sorted(map(re.escape, _OPTIONS), reverse=True))})(?:\.exe)?(?=[ \t]|[\"'],)"
)
_OPTION = re.compile(r"[\s\"'(\[,=|`]-[A-Za-z-]")
_ARGUMENT = re.compile(
    r"(?:[ \t]+(?:\\\n[ \t]*)?|[\"'],\s{0,4}b?[\"'])(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"'|;&<>]+))"
)
_QUOTED = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_USER = re.compile(
    r"(?![a-z]+://)[^:%,]{1,128}[:%,](?!\$|(?i:pass(?:word)?|pwd|token|secret|(?:api_?)?key|xxx+|yyy+)$)."
)
# What an option refers to: a variable, a file, another program.
_REFERENCE = re.compile(
    r"\$[\w({]|(?:env|file|fd|stdin|prompt)(?::|$)|-|%\w+%$|[A-Z_]+\]?$|requires$"
)
# Passwords by their position.
_POSITIONAL = (
    ("net use ", re.compile(r"(?i)\bnet use (?:\S+ ){1,2}([^\s/]\S*) /u(?:ser)?:")),
    ("net user ", re.compile(r"\bnet user \S+ ([^\s/]\S*) /")),
    ("htpasswd -", re.compile(r"\bhtpasswd -(?:\w*b\w* \S+|\w*n\w*) \S+ (\S+)")),
    ("rabbitmqctl ", re.compile(r"\b(?:add_user|change_password|authenticate_user) \S+ (\S+)")),
    (
        "AUTH ",
        re.compile(r"\bAUTH (?:(?:PLAIN|LOGIN|XOAUTH2) )?((?:\w+ )?(?=\S{0,80}\d)[^\s)\"'\\]{6,})"),
    ),
)
# Options of all programs, and commands that set a value.
_FLAG = re.compile(
    r"(?<![\w-])(?:--?|config(?:ure)? set |setx |ENV )([A-Za-z][\w.-]*)[ \t]{1,4}(?![-\s=<\[])"
)
_VALUE = re.compile(r"\"((?:[^\"\\\n]|\\.)*)|'([^'\n]*)|([^\s\"',;&<>|]+)")


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
            start, option = _value_start(text[start:end], option, start), ""
            if start >= 0 and _is_value(text, start, end):
                yield start, end


def _option(argument: str, options: list[str], start: int) -> tuple[str, int]:
    """Return the option that *argument* begins with, and where the value in it starts."""
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
    return -1 if option[-1] == ":" and not _USER.match(value) else start


def _is_value(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    return bool(value) and not (
        _REFERENCE.match(value) or is_placeholder(value) or PLACEHOLDER.match(value)
    )


def _options(text: str, names: KeyNames) -> Iterator[Span]:
    for match in _FLAG.finditer(text):
        rank = names.rank(match[1])
        if rank and (value := _VALUE.match(text, match.end())):
            start, end = value.span(value.lastindex or 0)
            word = text[start:end].rstrip("]).:")
            is_word = is_sentence_word(word) or normalize(word) == normalize(match[1])
            if _is_value(text, start, end) and not is_word and is_secret_value(word, rank):
                yield start, start + len(word)
