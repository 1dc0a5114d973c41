"""Secrets in markup, in command lines, and in messages of libraries."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()

MARKUP = [
    ("<password>Zq7</password>", "<password>[secret]</password>"),
    ("<password>\n  Zq7\n</password>", "<password>\n  [secret]\n</password>"),
    (
        "<password><p><![CDATA[Zq7]]></p></password>",
        "<password><p><![CDATA[[secret]]]></p></password>",
    ),
    (
        '<wsse:Password Type="x#y">Zq7</wsse:Password>',
        '<wsse:Password Type="x#y">[secret]</wsse:Password>',
    ),
    ('<entry key="password">Zq7</entry>', '<entry key="password">[secret]</entry>'),
    ('<add key="DB_PASSWORD" value="Zq7"/>', '<add key="DB_PASSWORD" value="[secret]"/>'),
    ("<password>a&lt;b9</password>", "<password>[secret]</password>"),
    ("&lt;password&gt;Zq7&lt;/password&gt;", "&lt;password&gt;[secret]&lt;/password&gt;"),
    (
        r"\u003cpassword\u003eZq7\u003c/password\u003e",
        r"\u003cpassword\u003e[secret]\u003c/password\u003e",
    ),
    ("<key>Password</key>\n<string>Zq7</string>", "<key>Password</key>\n<string>[secret]</string>"),
    ("<td>Password</td><td>Zq7wpl2m</td>", "<td>Password</td><td>[secret]</td>"),
    ("<password value='Zq7'/>", "<password value='[secret]'/>"),
    ("<meta name='csrf-token' content='Zq7wpl'>", "<meta name='csrf-token' content='[secret]'>"),
    (
        "<param-name>password</param-name><param-value>Zq7</param-value>",
        "<param-name>password</param-name><param-value>[secret]</param-value>",
    ),
    ("<name>password</name><value><i4>Zq7</i4>", "<name>password</name><value><i4>[secret]</i4>"),
    ("</a><password>cut off", "</a><password>[secret]"),
    (
        'form-data; name="password"\r\n\r\nZq7\r\n--b',
        'form-data; name="password"\r\n\r\n[secret]\r\n--b',
    ),
    (
        r'b"form-data; name=\"pin\"\r\n\r\n12\r\n--b',
        r'b"form-data; name=\"pin\"\r\n\r\n[secret]\r\n--b',
    ),
    (
        'form-data; name="token"\r\nContent-Type: text/plain\r\n\r\nZq7wpl\r\n--b',
        'form-data; name="token"\r\nContent-Type: text/plain\r\n\r\n[secret]\r\n--b',
    ),
]
NO_MARKUP = """\
<session-timeout>30</session-timeout>
<title>Session</title>
<token>expired</token>
<session><id>17</id></session>
<password></password>
<password/><a>x</a>
<Session object at 0x7f> closed </b>
Map<Token, x> </x>
List<Token> items = x; </b>
use <password> and <token> </x>
<th>Password</th><th>Email</th>
<td>password</td><td>email</td>
<input type="password" name="password">
<label for="password">Password</label>
<button name="reset_password">Reset</button>
""".splitlines()
NO_MARKUP += ['form-data; name="file"; filename="a.txt"\r\n\r\nabc\r\n--b']

COMMANDS = [
    ("curl -u ann:Zq7 https://a.example/x", "curl -u [secret] https://a.example/x"),
    ("curl -sS -u 'ann:Zq 7' x", "curl -sS -u '[secret]' x"),
    ('curl -u"ann:Zq7" x', 'curl -u"[secret]" x'),
    ("curl -uann:Zq7 x", "curl -u[secret] x"),
    ("curl --user=ann:Zq7 x", "curl --user=[secret] x"),
    ("mysql -uroot -pZq7 shop", "mysql -uroot -p[secret] shop"),
    ("sshpass -p Zq7 ssh h", "sshpass -p [secret] ssh h"),
    ("sshpass -p'Z q7' scp a b", "sshpass -p'[secret]' scp a b"),
    ("docker login -u ann -p Zq7 r.example", "docker login -u ann -p [secret] r.example"),
    ("redis-cli -h cache -a Zq7 ping", "redis-cli -h cache -a [secret] ping"),
    ("mongo -u ann -p Zq7 db1", "mongo -u ann -p [secret] db1"),
    ("ldapsearch -D cn=admin -w Zq7 -b dc=x", "ldapsearch -D cn=admin -w [secret] -b dc=x"),
    ("openssl rsa -passin pass:Zq7 -in k", "openssl rsa -passin pass:[secret] -in k"),
    ("smbclient -U ann%Zq7 //srv/x", "smbclient -U [secret] //srv/x"),
    ("htpasswd -b f ann Zq7", "htpasswd -b f ann [secret]"),
    (r"net use Z: \\srv\x Zq7 /user:ann", r"net use Z: \\srv\x [secret] /user:ann"),
    ("Command 'mysql -pZq7' returned 1.", "Command 'mysql -p[secret]' returned 1."),
    ("['curl', '-u', 'ann:Zq7']", "['curl', '-u', '[secret]']"),
    ('["/usr/bin/sshpass", "-p", "Zq7", "ssh"]', '["/usr/bin/sshpass", "-p", "[secret]", "ssh"]'),
    ("Command # 1 (AUTH Zq7wpl2m) of pipeline", "Command # 1 (AUTH [secret]) of pipeline"),
    ("AUTH PLAIN AGFubgBacTd3cGwybQ==", "AUTH PLAIN [secret]"),
    ("run --client-secret 'Zq7 kd' x", "run --client-secret '[secret]' x"),
    ("run --token Zq7wpl --x", "run --token [secret] --x"),
    (
        "aws configure set aws_secret_access_key Zq7",
        "aws configure set aws_secret_access_key [secret]",
    ),
    ("ENV DB_PASSWORD Zq7wpl", "ENV DB_PASSWORD [secret]"),
]
NO_COMMANDS = """\
-p 8080:80
docker run -p 8080:80 nginx
docker run -u 1000:1000 img
docker login -u ann --password-stdin
ssh -p 2222 h.example
mkdir -p /srv/app
curl -u
curl -u ann https://x
curl -u $USER:$PASS https://x
curl -u ann:$PASS https://x
curl -u username:password https://x
mysql -p shop
mysql -p$PW
mysql -h db1 -u root -P 3306
sshpass -p $PW ssh h
openssl rsa -passin env:PW -in x
ps -u ann
python -u x.py
sudo -u postgres psql
git push -u origin main
SMTP AUTH extension not supported by server.
--password required
--token --verbose
--token {token}
--password-file /run/x
--auth [USER:PASS]
option --token requires a value
usage: login [--token TOKEN] [--password PASSWORD]
curl = "-u ann:x" if x else y
2026-11-25 - INFO - curl -X POST https://h.example/a:b -o x
""".splitlines()

L = "1 validation error for L\n"
MESSAGES = [
    # pydantic, FastAPI
    (
        f"{L}password\n  too short [type=a_b, input_value='Zq7', input_type=str]\n    For",
        f"{L}password\n  too short [type=a_b, input_value='[secret]', input_type=str]\n    For",
    ),
    (
        f"{L}a.0.api_key\n  no string [type=a, input_value=918273645500, input_type=int]",
        f"{L}a.0.api_key\n  no string [type=a, input_value=[secret], input_type=int]",
    ),
    (
        r"port\n  bad [type=x, input_value='abc', input_type=str]\ntoken\n  bad "
        "[type=x, input_value='Zq7wpl', input_type=str]",
        r"port\n  bad [type=x, input_value='abc', input_type=str]\ntoken\n  bad "
        "[type=x, input_value='[secret]', input_type=str]",
    ),
    (
        "password\n  bad [type=x, input_value={'a': 'Zq7...pl2m'}, input_type=dict]",
        "password\n  bad [type=x, input_value={'a': '[secret]'}, input_type=dict]",
    ),
    (
        "[{'loc': ('body', 'password'), 'msg': 'too short', 'input': 'Zq7', 'ctx': {}}]",
        "[{'loc': ('body', 'password'), 'msg': 'too short', 'input': '[secret]', 'ctx': {}}]",
    ),
    # databases
    (
        "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n"
        "[parameters: ('annqq', 'Zq7w')]\n(a",
        "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n"
        "[parameters: ('[secret]', '[secret]')]\n(a",
    ),
    (
        "[SQL: SELECT 1 FROM s WHERE token = ?] [parameters: [(17, 'Zq7]w'), (18, 'Pp9w')]]",
        "[SQL: SELECT 1 FROM s WHERE token = ?] [parameters: [(17, '[secret]'), (18, '[secret]')]]",
    ),
    (
        "insert into users(id, password) values(17, 'Zq7w'), (18, 'Pp9w')",
        "insert into users(id, password) values(17, '[secret]'), (18, '[secret]')",
    ),
    (
        "Failing row contains (17, ann, Zq7wpl, 2020-01-01 10:00:00+00, null, t).",
        "Failing row contains (17, ann, [secret], 2020-01-01 10:00:00+00, null, t).",
    ),
    (
        "Key (api_key, id)=(Zq7wpl, 17) already exists.",
        "Key (api_key, id)=([secret], 17) already exists.",
    ),
    (
        "Duplicate entry 'Zq7wpl' for key 'users.token'",
        "Duplicate entry '[secret]' for key 'users.token'",
    ),
    (
        r"Incorrect string value: '\xF0\x9F' for column 'password' at row 1",
        "Incorrect string value: '[secret]' for column 'password' at row 1",
    ),
    (
        "with unique index 'ix_token'. The duplicate key value is (Zq7wpl).",
        "with unique index 'ix_token'. The duplicate key value is ([secret]).",
    ),
    ('index: a.$token_1 dup key: { : "Zq7wpl" }', 'index: a.$token_1 dup key: { : "[secret]" }'),
    # validators
    (
        "'Zq7w' is too short\n\nOn instance['password']:\n    'Zq7w'",
        "'[secret]' is too short\n\nOn instance['password']:\n    '[secret]'",
    ),
    (
        "Key 'password' error:\nint('Zq7') raised ValueError(\"invalid literal: 'Zq7'\")",
        "Key 'password' error:\nint('[secret]') raised ValueError(\"invalid literal: '[secret]'\")",
    ),
    (
        "(\"'pin' must be <class 'int'> (got 'Zq7' that is a <class 'str'>)\", 'Zq7')",
        "(\"'pin' must be <class 'int'> (got '[secret]' that is a <class 'str'>)\", '[secret]')",
    ),
    # parts of a password
    ("nonnumeric port: 'Zq7wpl@host'", "nonnumeric port: '[secret]@host'"),
    (
        "Port could not be cast to integer value as 'Zq7w'",
        "Port could not be cast to integer value as '[secret]'",
    ),
    (
        'missing "=" after "pl2m" in connection info string',
        'missing "=" after "[secret]" in connection info string',
    ),
    ('could not translate host name "ss@db"', 'could not translate host name "[secret]@db"'),
    (
        "'%' must be followed by '%' or '(', found: '%wpl2m'",
        "'%' must be followed by '%' or '(', found: '[secret]'",
    ),
]
NO_MESSAGES = """\
The security token included in the request is invalid.
KeyError: 'S3cretx9'
{'password': ['This password is too common.']}
data.password must be integer
Expected `int`, got `str` - at `$.password`
expected int for dictionary value @ data['password']
Length of 'password' must be >= 40: 8
Duplicate entry '17' for key 'PRIMARY'
Duplicate entry 'abc-17' for key 'orders.number'
Key (order_id)=(17) is not present in table "orders".
Key (name)=(anna) already exists.
[SQL: SELECT * FROM orders WHERE name = ?] [parameters: ('anna', 17)]
INSERT INTO tokens (id, token) VALUES (%s, %s)
name 'token' must be a str
UNIQUE constraint failed: users.token
'x' is a required property
could not translate host name "db1" to address
""".splitlines()
NO_MESSAGES += [
    "port\n  bad [type=x, input_value='abc', input_type=str]",
    "'abc' is not of type 'integer'\n\nOn instance['port']:\n    'abc'",
]


@pytest.mark.parametrize(("text", "masked"), [*MARKUP, *COMMANDS, *MESSAGES])
def test_a_secret(text: str, masked: str) -> None:
    """The secret is masked, the rest stays; masking is idempotent."""
    assert MASKER.text(text) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("text", [*NO_MARKUP, *NO_COMMANDS, *NO_MESSAGES])
def test_no_secret(text: str) -> None:
    """Text that only resembles a secret stays."""
    assert MASKER.text(text) == text
