"""Values behind a name in a text: where they end, and which of them are secrets."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()

# What a value begins with decides where it ends.
ENDS = [
    # a quote
    ("password='ab'cd9' x", "password='[secret]' x"),
    ('password="a"bq8w" x', 'password="[secret]" x'),
    ("password='it''s9me' x", "password='[secret]' x"),
    ("password: “hunter2”, x", "password: “[secret]”, x"),
    ("`password`: `hunter2` x", "`password`: `[secret]` x"),
    ("&quot;password&quot;:&quot;hunter2&quot; x", "&quot;password&quot;:&quot;[secret]&quot; x"),
    (r"{\"token\": \"a1b2\\\"c3d4\", \"n\": 1}", r"{\"token\": \"[secret]\", \"n\": 1}"),
    ("password = 'correct horse' 'battery' x", "password = '[secret]' '[secret]' x"),
    ('~ password = "hunter2" -> "hunter3"', '~ password = "[secret]" -> "[secret]"'),
    # a bracket
    ("credentials: {'db': {'h': 'x'}, 'note': 'a1b2c3'} x", "credentials: [secret] x"),
    ("secrets: [['}', 'a1b2c3d4']] x", "secrets: [secret] x"),
    ("token=[a1b2c3d4", "token=[secret]"),
    ("PWD={Zq7wpl2m};DB=x", "PWD=[secret];DB=x"),
    ("password=<Zq7wpl2m> x", "password=[secret] x"),
    ("password=(hunter2)x9 x", "password=[secret] x"),
    # a call, an object
    ("password=SecretStr('hunter2') x", "password=SecretStr('[secret]') x"),
    ("token=Token(value='a1b2c3d4', ttl=30)", "token=Token(value='[secret]', ttl=30)"),
    (
        'Config { password: Some("hunter2"), port: 1 }',
        'Config { password: Some("[secret]"), port: 1 }',
    ),
    ("password=bytearray(b'hunter2') x", "password=bytearray(b'[secret]') x"),
    ("password=<Secret 'hunter2'> x", "password=[secret] x"),
    ('token := Token("a1b2c3d4")', 'token := Token("[secret]")'),
    # tags and types
    ("password: !secret hunter2", "password: !secret [secret]"),
    ("password: &pw hunter2", "password: &pw [secret]"),
    ('["password"]=> string(7) "hunter2"', '["password"]=> string(7) "[secret]"'),
    ('s:8:"password";s:7:"hunter2";', 's:8:"password";s:7:"[secret]";'),
    ('password: str | None = "hunter2"', 'password: str | None = "[secret]"'),
    ('var token string = "a1b2c3d4"', 'var token string = "[secret]"'),
    ('#{password => <<"hunter2">>}', '#{password => <<"[secret]">>}'),
    # a block
    ("password: |\n  hunter2\n  more\nhost: db", "password: |\n  [secret]\nhost: db"),
    ("a:\n  password: >-\n    hunter2\n  host: db", "a:\n  password: >-\n    [secret]\n  host: db"),
    ("tokens:\n  - a1b2c3d4\n  - e5f6g7h8\nn: 1", "tokens:\n  - [secret]\nn: 1"),
    ('"password":\n   "hunter2"', '"password":\n   "[secret]"'),
    # a header
    ("Cookie: a=b; c=d\nHost: x", "Cookie: [secret]\nHost: x"),
    (r"Cookie: a=b; c=d\r\nHost: x", r"Cookie: [secret]\r\nHost: x"),
    # a line
    ("password = correct horse battery\nhost = x", "password = [secret]\nhost = x"),
    ("password = correct horse host=db", "password = [secret] host=db"),
    ("export DB_PASS=hunter2; run", "export DB_PASS=[secret]; run"),
    # others
    ("password=ab'cd9 x", "password=[secret] x"),
    ('password=a"bq8w9 x', "password=[secret] x"),
    ("password=a<bq8w9 x", "password=[secret] x"),
    ("password: a&bq8w x", "password: [secret]"),
    ("?password=a1&b=1", "?password=[secret]&b=[query]"),
    ("<a>password=hunter2</a>", "<a>password=[secret]</a>"),
    ("User(password=hunter2, name=ann)", "User(password=[secret], name=ann)"),
    ("{Password:hunter2 Name:ann}", "{Password:[secret] Name:ann}"),
    ("token=a1b2c3d4|user=ann", "token=[secret]|user=ann"),
    (r"PASSWORD=hunter2\nUSER=ann", r"PASSWORD=[secret]\nUSER=ann"),
    ("password=:Zq7wpl2m", "password=[secret]"),
    ("password=$12345678", "password=[secret]"),
    ("password=self.hunter2", "password=[secret]"),
    ("password:           hunter2", "password:           [secret]"),
    # a mark at the start does not end the search
    ("api_key=AKIAIOSFODNN7EXAMPLE:wJalrXUt", "api_key=[secret]"),
    ("password=[email]hunter2 x", "password=[secret] x"),
    ("Cookie: [secret]; sid=1; x=a1b2", "Cookie: [secret]"),
    ("token=[secret], [secret] (x)", "token=[secret], [secret] (x)"),
]

# Between a name and its value.
SEPARATORS = [
    *((f"password{sign}hunter2", f"password{sign}[secret]") for sign in ("=", ":", " = ", " : ")),
    *(
        (f'password {sign} "hunter2"', f'password {sign} "[secret]"')
        for sign in ("=>", "->", ":=", "::=", "?=", "+=", "<-", "==", "!=", "===")
    ),
    ('(password . "hunter2")', '(password . "[secret]")'),
    ('(:password "hunter2")', '(:password "[secret]")'),
    (':password=>"hunter2"', ':password=>"[secret]"'),
    ("password&#61;hunter2", "password&#61;[secret]"),
    ("**Password:** hunter2", "**Password:** [secret]"),
    ("Password (again): hunter2", "Password (again): [secret]"),
    ("/o/password%3Dhunter2", "/o/password%3D[secret]"),
    ("%22password%22%3A%22hunter2%22", "%22password%22%3A%22[secret]%22"),
    ('if "hunter2" == password:', 'if "[secret]" == password:'),
]

# The name and the value are items of a pair or an object.
ENCODED = [
    ("a=%7B%22password%22%3A%20%22hunter2%22%7D", "a=%7B%22password%22%3A%20%22[secret]%22%7D"),
    ("%22password%22%3A+%22hunter2%22%2C+1", "%22password%22%3A+%22[secret]%22%2C+1"),
    ("%2522password%2522%253A%2520%2522hunter2", "%2522password%2522%253A%2520%2522[secret]"),
    ("/a%22password%22%3A%20%7B%22a%22%3A%20%22S%22%7D", "/a%22password%22:%20[secret]"),
]
PAIRS = [
    # the default of a setting
    (
        'password = env("DB_PASSWORD", default="Zq7wpl2m")',
        'password = env("DB_PASSWORD", default="[secret]")',
    ),
    (
        'password = os.environ.get("DB_PASSWORD", "Zq7wpl2m")',
        'password = os.environ.get("DB_PASSWORD", "[secret]")',
    ),
    ('{"name": "password", "value": "hunter2"}', '{"name": "password", "value": "[secret]"}'),
    ('{"value": "hunter2", "name": "password"}', '{"value": "[secret]", "name": "password"}'),
    (
        "- name: DB_PASS\n  value: hunter2\n- name: X",
        "- name: DB_PASS\n  value: [secret]\n- name: X",
    ),
    ("EnvVar(name='DB_PASS', value='hunter2')", "EnvVar(name='DB_PASS', value='[secret]')"),
    ("[('password', 'qwertz'), ('a', 'b')]", "[('password', '[secret]'), ('a', 'b')]"),
    ('define("DB_PASS", "hunter2")', 'define("DB_PASS", "[secret]")'),
    ('{password,"hunter2"}', '{password,"[secret]"}'),
    ("['--token', 'a1b2c3d4', '-x']", "['--token', '[secret]', '-x']"),
    ("(b'authorization', b'a1b2c3d4')", "(b'authorization', b'[secret]')"),
]

SENTENCES = [
    ("secret 5f3a9c1e7b2d8f40", "secret [secret]"),
    ("password hunter2 is wrong", "password [secret] is wrong"),
    ("the token is abc123", "the token is [secret]"),
    ("API key 5f3a9c1e7b2d8f40 rejected", "API key [secret] rejected"),
    ("Incorrect API key provided: a1b2c3d4e5f6.", "Incorrect API key provided: [secret]."),
    ("ALTER USER a WITH PASSWORD 'qwertz'", "ALTER USER a WITH PASSWORD '[secret]'"),
    ("machine h login a password hunter2", "machine h login a password [secret]"),
    ("my password is: hunter2", "my password is: [secret]"),
    ("token: qxzvbnmwkp", "token: [secret]"),
    ("X-Api-Key: abcdefghijklmnop", "X-Api-Key: [secret]"),
]

# A backslash and ``n`` is a line break.
KEPT = """\
password = env("DB_PASSWORD", default="")
{"error": "invalid_token", "error_description": "expired"}
{"action": "password_change", "method": "POST"}
{"name": "password", "type": "string"}
{"name": "color", "value": "a1b2c3d4e5"}
['password', 'email']
fields: ('username', 'password')
exclude = ['password', 'is_staff']
TokenError: invalid_grant
session.py:17
at SessionFactory.open(SessionFactory.java:215)
session_timeout=30
has_password: True
{'password': ['This field is required.']}
{'password': ['This password is entirely numeric.']}
GITHUB_API_KEY=\\nDEBUG=1
password:\\nhost: db
Session: 30546354_335
sid:2
auth=oauth2
redis key session:17
arn:aws:secretsmanager:eu-central-1:000000000000:secret:db
ON u.token = t.token
near "token": syntax error
self.token = token
db_password = password
token = get_token()
password = input("Password: ")
token = request.headers.get("X-Auth-Token")
session: AsyncSession = Depends(get_session)
password: SecretStr
secrets = [
api_key = make_key(
if token != expected:
headers = {"Authorization": f"Bearer {token}"}
password: ${{ secrets.DB_PASSWORD }}
session: <class 'sqlalchemy.orm.Session'>
session=<Session object at 0x7f00deadbeef>
password=[REDACTED]
Failed password for invalid user x from y port 22 ssh2
pam_unix(sshd:session): session opened for user root
Accepted password for ann
Authentication plugin 'caching_sha2_password' cannot be loaded
using auth method SHA256
password must be at least 8 characters
New session 17 of user root
unexpected token 'in' in JSON at position 12
secret "db-main" not found
token: expired
Expiring session 0x24ede63a01b003b, timeout of 10000ms exceeded
token=Token{78af589 ActivityRecord{3b04890 u0}}
session=org.acme.Session@1f3c2d
password="{}" token={token!r}
DB_PASSWORD=${DB_PASSWORD:-}
""".splitlines()


@pytest.mark.parametrize(("text", "masked"), [*ENDS, *SEPARATORS, *ENCODED, *PAIRS, *SENTENCES])
def test_a_secret(text: str, masked: str) -> None:
    """The whole value is masked, and nothing else; masking is idempotent."""
    assert MASKER.text(text) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("text", [line.replace("\\n", "\n") for line in KEPT])
def test_no_secret(text: str) -> None:
    """Code, names, states, and sentences stay."""
    assert MASKER.text(text) == text


def test_a_long_value() -> None:
    """Its first characters decide; the whole of it is masked."""
    assert MASKER.text(f"token={'a1b2c3d4' * 100} x") == "token=[secret] x"
    assert MASKER.text(f"Cookie: a={'b' * 1000}\nHost: x") == "Cookie: [secret]\nHost: x"
