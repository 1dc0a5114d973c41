"""Which parts of a text are masked, and which are not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._redaction.placeholders import Placeholders
from sentryinit._redaction.text import TextMasker

MASKER = TextMasker(["Tenant-Id"])

MASKED = [
    # values of sensitive names
    ("password=hunter2", "password=[secret]"),
    ("kafka: password='hunter2' x", "kafka: password='[secret]' x"),
    ("user password: hunter2, again", "user password: [secret], again"),
    ("a: {'password': 'hunter2', 'pin': 1234}", "a: {'password': '[secret]', 'pin': [secret]}"),
    ("{'password': b'hunter2'}", "{'password': b'[secret]'}"),
    (r'{"a": "{\"password\":\"hunter2\"}"}', r'{"a": "{\"password\":\"[secret]\"}"}'),
    (r"password='it\'s \"me\"' rest", "password='[secret]' rest"),
    ("password='never closed", "password='[secret]"),
    ('password="""a"b""" c', 'password="""[secret]""" c'),
    (r'"password\": \"a', r'"password\": \"[secret]'),
    ("passwords: ['a1', 'b2'] and", "passwords: [secret] and"),
    ("tokens={'a': 'b1c2d3'} and", "tokens=[secret] and"),
    ("token=[a1, b2", "token=[secret]"),
    ("('password', 'hunter2')", "('password', '[secret]')"),
    ('["token", "abc1"]', '["token", "[secret]"]'),
    ("Cookie: a=b; c=d", "Cookie: [secret]"),
    ("Authorization: Digest username=ann", "Authorization: [secret]"),
    ("authorization=Bearer abc.def x", "authorization=[secret] x"),
    ("x-api-key: a1b2c3, next", "x-api-key: [secret], next"),
    ("Password: correcthorse", "Password: [secret]"),
    ("token: abcdefghijklmnopqrstuvwxyz", "token: [secret]"),
    ("user[password]=x1&a=1", "user[password]=[secret]&a=1"),
    ("user%5Bpassword%5D=x1&a=1", "user%5Bpassword%5D=[secret]&a=1"),
    (
        "next=https%3A%2F%2Fx%3Ftoken%3Dab%26b%3D1",
        "next=https%3A%2F%2Fx%3Ftoken%3D[secret]%26b%3D1",
    ),
    ("run --password hunter2 --user bob", "run --password [secret] --user bob"),
    ("run --token 'a1 b2c3' c", "run --token '[secret]' c"),
    ("<password>hunter2</password>", "<password>[secret]</password>"),
    ("</a><token>cut0ff9x", "</a><token>[secret]"),
    ("a=1,password=hunter2,b=2", "a=1,password=[secret],b=2"),
    ("tenant_id=acme", "tenant_id=[secret]"),
    ("Key (password)=(hunter2) already exists.", "Key (password)=([secret]) already exists."),
    ("password -> hunter2", "password -> [secret]"),
    ("CREATE USER a IDENTIFIED BY 'hunter2'", "CREATE USER a IDENTIFIED BY '[secret]'"),
    ('Authorization: Digest username="x", response="y"', "Authorization: [secret]"),
    ("curl -H 'Cookie: a=b' https://x", "curl -H 'Cookie: [secret]' https://x"),
    # credentials
    ("https://ann:pa55@host/x", "https://[secret]@host/x"),
    ("https://ann:pa/55@host/x", "https://[secret]@host/x"),
    ("postgresql://u:p@ss@db:5432/x", "postgresql://[secret]@db:5432/x"),
    ("redis://:hunter2@cache:6379/0", "redis://[secret]@cache:6379/0"),
    ("jdbc:oracle:thin:scott/tiger@//db:1521/x", "jdbc:oracle:[secret]@//db:1521/x"),
    ("https://hooks.slack.com/services/T0/B0/abc123", "https://hooks.slack.com/[secret]"),
    ("Bearer abcdef.ghi rest", "Bearer [secret] rest"),
    ("Basic YW5uOnB3", "Basic [secret]"),
    ("key AKIAIOSFODNN7EXAMPLE used", "key [secret] used"),
    ("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.abc-d_e b", "a [secret] b"),
    ("a eyJ" + "hbGciOiJIUzI1NiJ9" * 3 + " b", "a [secret] b"),
    ("x -----BEGIN KEY-----\nMII\n-----END KEY----- y", "x [secret] y"),
    ("x -----BEGIN KEY-----\nMII", "x [secret]"),
    ("MII\n-----END KEY----- y", "[secret] y"),
    ("line\n" + "QUJDabc1" * 8 + "\nline", "line\n[secret]\nline"),
    ("/a%2CAKIAIOSFODNN7EXAMPLE", "/a%2C[secret]"),
    ("/a%2CeyJhbGciOiJIUzI1NiJ9.eyJzdWIi.abc", "/a%2C[secret]"),
    ("/a%26pin=12%2C3&b=1", "/a%26pin=[secret]&b=1"),
    ("token%3Dab%26b%3D1", "token%3D[secret]%26b%3D1"),
    # personal data
    ("/a%2C4111111111111111", "/a%2C[secret]"),
    ("/a%204111111111111111%2C", "/a%20[secret]%2C"),
    ("/a%204111%201111%201111%201111", "/a%20[secret]"),
    ("/a%2CDE89370400440532013000", "/a%2C[secret]"),
    ("/a%2C203.0.113.9,2001:db8::1", "/a%2C[ip],[ip]"),
    ("/a%2C2001:db8::1", "/a%2C[ip]"),
    ("card 4111 1111 1111 1111 ok", "card [secret] ok"),
    ("card 4111-1111-1111-1111 ok", "card [secret] ok"),
    ("card 4111.1111.1111.1111 ok", "card [secret] ok"),
    ("card 378282246310005 and 3782 822463 10005", "card [secret] and [secret]"),
    ("n=17 4111 1111 1111 1111 2026", "n=17 [secret] 2026"),
    ("n=17 378282246310005 2026", "n=17 [secret] 2026"),
    ("card=4111%201111%201111%201111", "card=[secret]"),
    ("IBAN DE89 3704 0044 0532 0130 00 is", "IBAN [secret] is"),
    ("to GB82WEST12345698765432!", "to [secret]!"),
    ("from ann.b+c@example.com to", "from [email] to"),
    ("ann%40example.com", "[email]"),
    ("ann%2540example.com", "[email]"),
    ("ann&#64;example.com", "[email]"),
    (r"{'a': 'ann\u0040example.com'}", "{'a': '[email]'}"),
    ("ann\uff20example.com", "[email]"),
    ("from 203.0.113.9:80", "from [ip]:80"),
    ("db/10.0.0.1", "db/[ip]"),
    ("ec2 ip-10-0-0-1.internal", "ec2 ip-[ip].internal"),
    ("at 2001:db8::1 and ::ffff:203.0.113.9", "at [ip] and [ip]"),
    ("abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd", "[ip]"),
    ("http://[2001:db8::1]:80/", "http://[[ip]]:80/"),
]

KEPT = """\
token: expired
invalid password for user ann
password: required
Bearer authentication failed
Basic authentication failed
Basic abcdef== and Basic abcdefghi are no pairs
eyJhbGciOiJIUzI1NiJ9 is the half of a token
password=None, token=null, secret=***
SELECT * FROM t WHERE token = %s AND password = ? AND pin = $1 AND key = %(key)s
f"{token}" and password={password}
session = requests.Session()
token = self.token
token=token
csrf token: missing
unexpected token: identifier
signature: verification
[secret] [email] [ip] [secret:0123456789ab]
max_tokens=4096
https://medium.com/@ann/post?x
http://localhost:8000/a@b
lodash@4.17.21 and @app.route
1700000000000 1700000000000000 1700000000000000000
0.30000000000000004 4.111111111111111 3.1415926535897931
4111 1111 1111 1112
order 5500000000000005
20261125021515
2026-11-25 02:15:15.655455+00:00
2026-11-25T02:15:15Z
550e8400-e29b-41d4-a716-446655440000
d41d8cd98f00b204e9800998ecf8427e
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
e3b0c4411111111111111114
DE89 3704 0044 0532 0130 01
DE8937040044
127.0.0.1 and ::1 and 0.0.0.0 and 255.255.255.0 and ::ffff:127.0.0.1
Chrome/126.0.0.0 Safari/537.36 nginx/1.2.3.4
foo==1.2.3.4 v1.2.3.4 version 1.2.3.4 libfoo-1.2.3.4 1.2.3.4.dev1
1.2.3.4.5 and 1.2.3 and 300.1.2.3
12:34:56 and 00:1b:44:11:3a:b7 and std::string and a[1::2] and abc::def
items[100::200]
AKIA and ghp_short and sk-learn and eyJ and xox
File "/srv/app/views.py", line 17, in order
KeyError: 'password'
ValueError: invalid literal for int() with base 10: 'abc'
psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "users_pkey"
HTTP 503 GET /orders/17
----- BEGIN -----
--token --verbose
--password required
--token {token}
`password` and "token" are both required
('password', and others)
https://shop.example/{token}&b=1
""".splitlines()


def text(line: str) -> str:
    return MASKER.text(line)


@pytest.mark.parametrize(("line", "masked"), MASKED)
def test_a_text_with_a_secret(line: str, masked: str) -> None:
    """The secret is masked, the rest stays; masking is idempotent."""
    assert text(line) == masked
    assert text(masked) == masked


@pytest.mark.parametrize("line", KEPT)
def test_a_text_without_a_secret(line: str) -> None:
    """Text that only resembles a secret stays."""
    assert text(line) == line


CODE = [
    ('password = "hunter2"', 'password = "[secret]"'),
    ("TOKEN: str = 'abc1d2'", "TOKEN: str = '[secret]'"),
    ("    'password': 'hunter2',", "    'password': '[secret]',"),
    ("call(url='https://x/?token=abc1d2&b=1')", "call(url='https://x/?token=[secret]&b=1')"),
    ('dsn = "https://key@errors.example/1"', 'dsn = "https://[secret]@errors.example/1"'),
    ('h = ["X-Api-Key: a1b2c3"]', 'h = ["X-Api-Key: [secret]"]'),
    ('log("token: expired")', 'log("token: expired")'),
    ("password = get_password()", "password = get_password()"),
    ("token = tokens['a']", "token = tokens['a']"),
    ("login(password=password, token=self.token)", "login(password=password, token=self.token)"),
    ('parser.add_argument("--token", "-t")', 'parser.add_argument("--token", "-t")'),
    ('url = f"https://x/?token={token}&b=1"', 'url = f"https://x/?token={token}&b=1"'),
    ("if token == '':", "if token == '':"),
    ("    session: Session", "    session: Session"),
]


@pytest.mark.parametrize(("line", "masked"), CODE)
def test_a_line_of_code(line: str, masked: str) -> None:
    """In code a string literal after a sensitive name is masked; a name is not."""
    assert MASKER.code([line]) == [masked]


def test_a_secret_over_several_lines_of_code() -> None:
    """The number of lines stays the same."""
    lines = ["a = 1", "KEY = '''-----BEGIN KEY-----", "MII", "-----END KEY-----'''", "b = 2"]

    assert MASKER.code(lines) == ["a = 1", "KEY = '''[secret]", "", "'''", "b = 2"]


def test_patterns_of_the_user() -> None:
    """Their matches are masked; a match inside of a placeholder is not."""
    masker = TextMasker(patterns=[re.compile(r"EMP-\d+"), re.compile("secret|x*")])

    masked = masker.text("EMP-17 is EMP-18, a secret, xx")
    assert masked == "[secret] is [secret], a [secret], [secret]"
    assert masker.text(masked) == masked


def test_networks() -> None:
    """The network of an address stays; a network stays as it is."""
    masker = TextMasker(ip="network")

    masked = masker.text("203.0.113.9 and 2001:db8:1:2::3 and ip-10-1-2-3")
    assert masked == "203.0.113.0 and 2001:db8:1:: and ip-10.1.2.0"
    assert masker.text(masked) == masked


PUBLIC = TextMasker(ip="public")


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.9", "127.0.0.1", "192.0.0.1"),
        *("100.64.0.1", "100.127.255.254", "169.254.169.254", "192.0.2.1", "198.51.100.7"),
        *("203.0.113.9", "198.18.0.1", "224.0.0.251", "240.0.0.1", "255.255.255.255"),
        *("::1", "fe80::1ff:fe23:4567:890a", "fd12:3456:789a::1", "2001:db8::1", "ff02::fb"),
        *("::ffff:10.0.0.1", "::ffff:0a00:0001", "2002:a00:1::1"),
    ],
)
def test_an_address_of_the_own_network(address: str) -> None:
    """mask_ip="public": what the internet does not reach stays as it is, however it is written."""
    dashed = f"ip-{address.replace('.', '-')}.internal" if address[0] in "12" else ""
    text = f"{address}, [{address}]:80 '{address}' x={address} {address}%eth0 {dashed}"

    assert PUBLIC.text(text) == text


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
        *("192.167.255.255", "169.253.0.1", "193.0.2.1", "223.255.255.254"),
        *("2a00:1450:4001:82a::200e", "2606:4700:4700::1111", "64:ff9b::808:808"),
        *(
            "::ffff:8.8.8.8",
            "::ffff:0808:0808",
            "2002:808:808::1",
            "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
        ),
    ],
)
def test_an_address_of_the_internet(address: str) -> None:
    """mask_ip="public": what the internet reaches is masked, however it is written."""
    text = f"{address}, [{address}]:80 '{address}' x={address} {address}%eth0"

    assert PUBLIC.text(text) == text.replace(address, "[ip]")


def test_an_address_of_the_internet_with_dashes() -> None:
    """mask_ip="public" masks the host names of cloud providers, if the address is public."""
    assert PUBLIC.text("ip-8-8-8-8.ec2.internal") == "ip-[ip].ec2.internal"


@given(
    st.ip_addresses(),
    st.sampled_from(["{}", "({})", "[{}]:443", "x={}", "GET /{}?a", "from {}, again {}%eth0"]),
)
def test_public_addresses(address: Any, template: str) -> None:
    """mask_ip="public": an address is masked or kept as a whole; masking again changes nothing."""
    text = template.replace("{}", str(address))
    masked = PUBLIC.text(text)

    assert masked in {text, template.replace("{}", "[ip]")}
    assert PUBLIC.text(masked) == masked
    if address.is_private or address.is_link_local or address.is_loopback:
        embedded = address.version == 6 and (address.teredo or address.sixtofour)
        assert masked == text or embedded
    elif address.is_global and not address.is_multicast:
        assert masked != text


def test_placeholders_with_a_hash_key() -> None:
    """Equal values have equal placeholders; they depend on the key."""
    one, two = (TextMasker(hash_key=key) for key in ("one", "two"))
    line = "a@x.example, A@x.example, b@x.example"
    found = re.findall(r"\[email:[0-9a-f]{12}\]", one.text(line))

    assert found[0] == found[1] != found[2]
    assert one.text(one.text(line)) == one.text(line) != two.text(line)


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], None])
def test_the_placeholder_of_a_container(value: Any) -> None:
    """A container is not hashed."""
    assert Placeholders("key")("secret", value) == "[secret]"
