"""Which e-mail and IP addresses are masked, and what only resembles them."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()

MASKED = [
    # behind a name, and what cannot be a version
    ("LearnerHandler-/10.10.34.11:52844", "LearnerHandler-/[ip]:52844"),
    ("Host/203.0.113.7", "Host/[ip]"),
    ("customer-203.0.113.7", "customer-[ip]"),
    ("node_203.0.113.7_x", "node_[ip]_x"),
    ("host.10.0.0.1", "host.[ip]"),
    ("ConnectException: /10.0.0.1:80", "ConnectException: /[ip]:80"),
    ("203.0.113.7-eth0", "[ip]-eth0"),
    (r"'a\n203.0.113.7'", r"'a\n[ip]'"),
    (r"a\u003d203.0.113.7", r"a\u003d[ip]"),
    ("ec2-198-51-100-7.compute", "ec2-[ip].compute"),
    # small numbers: behind a word for what has an address, with a port, with nothing in front
    ("connect to 1.2.3.4 failed", "connect to [ip] failed"),
    ("[client 1.2.3.4]", "[client [ip]]"),
    ('"remote_addr": "1.2.3.4"', '"remote_addr": "[ip]"'),
    ("X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Forwarded-For: [ip], [ip]"),
    ("app 1.2.3.4:8080", "app [ip]:8080"),
    ("app 1.2.3.4/24", "app [ip]/24"),
    ("1.2.3.4 - - [10/Oct/2000]", "[ip] - - [10/Oct/2000]"),
    ("PING example.com (1.2.3.4)", "PING example.com ([ip])"),
    ("nameserver 8.8.8.8", "nameserver [ip]"),
    ("resolved google 8.8.8.8", "resolved google [ip]"),
    ("update failed: 203.0.113.7", "update failed: [ip]"),
    # version 6, beside colons, ports, zones
    ("2001:db8::1: timed out", "[ip]: timed out"),
    ("2001:db8::1:closed", "[ip]:closed"),
    ("addr:2001:db8::1", "addr:[ip]"),
    ("[2001:db8::1]:443", "[[ip]]:443"),
    ("2001:db8::1:51234", "[ip]:51234"),
    ("2001:db8:0:0:0:0:0:1:443", "[ip]:443"),
    ("fe80::1%eth0", "[ip]%eth0"),
    ("2001:db8::/32", "[ip]/32"),
    ("::ffff:203.0.113.9", "[ip]"),
    ("2001:db8:0:0:0:0:192.0.2.1", "[ip]"),
    ("::ffff:203.0.113.7: timed out", "[ip]: timed out"),
    ("2001:db8::203.0.113.7:8080", "[ip]:8080"),
    (r"'a\n2001:db8::1'", r"'a\n[ip]'"),
    # percent-encoded
    ("/a/2001%3Adb8%3A%3A1", "/a/[ip]"),
    ("/a/%5B2001%3adb8%3a%3a1%5D", "/a/%5B[ip]%5D"),
    ("/a/2001%253Adb8%253A%253A1", "/a/[ip]"),
    ("/a/203%2E0%2E113%2E7", "/a/[ip]"),
    # e-mail
    ("ann%40example%2Ecom", "[email]"),
    ("ann&commat;example.com", "[email]"),
    (r"ann\x40example.com", "[email]"),
    ("ann@openssh.com", "[email]"),
    ("shop.example 8.0.0.0", "shop.example [ip]"),
    ("to jörg@müller.example, ann@xn--80ak6aa92e.xn--p1ai", "to [email], [email]"),
    ("<20260804.abc@mail.example.com>", "<[email]>"),
    ("rabbit@host.internal", "[email]"),
    ("mailto:ann@example.md", "mailto:[email]"),
]

KEPT = """\
app 1.2.3.4
foo>=1.2.3.4,<2.0.0.0
foo~=1.2.3.4 and "~1.2.3.4" and ^1.2.3.4
Version: 1.2.3.4, file_version=203.0.1.2
versions 1.2.3.4, 1.2.3.5 and 1.2.3.6
pkg-1.2.3.4.tar.gz and foo_1.2.3.4_amd64.deb
1.2.3.4-alpha and 1.2.3.4-beta1
libfoo.so.1.2.3.4
/opt/foo/1.2.3.4/bin
redis:7.0.1.2
foo (1.2.3.4)
upgrade from 1.2.3.4 to 1.2.4.0
section 1.2.3.4
cryptography 41.0.7.1
Foo.Web.JwtBearer 8.0.0.0
__version__ = "3.5.0.1"
ObjectIdentifier("2.5.29.14")
RFC 3501::
curve25519-sha256@libssh.org,chacha20-poly1305@openssh.com
rev. 1.2.3.4
OID: 2.5.29.17 and 1.3.6.1.4.1
Chrome/126.0.0.0 Safari/537.36
Foo, Version=1.0.0.0, Culture=neutral
SQL Server 15.0.2000.5, .NET 4.0.30319.0, Windows 10.0.19041.1
127.0.0.53 127.0.0.1:8000 http://[::1]:80 ::1:8000 0:0:0:0:0:0:0:1 localhost/127.0.0.1:80
::ffff:127.0.0.1 %3A%3A1 127%2E0%2E0%2E1
255.0.0.0 255.255.255.255 0.0.0.255 0.0.0.6
00:1b:44:11:3a:b7 00-1B-44-11-3A-B7 001b.4411.3ab7 00:11:22:33:44:55:66:77
16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48
12:34:56:789 2026-08-04T14:59:25+02:00 10:20:30:40:50:60:70:80 1:2:3:4:5:6:7:8
12%3A34%3A56
a::b File::open2 ns::abc123 '2026'::date a::before
items[100::200] a[1::2]
user@2x.png getty@tty1.service
git@github.com:o/r hg@example.org
foo@1.2.3 lodash@4.0.0-alpha.beta golang.org/x/net@v0.17.0/http.go
app@sha256:abc @app.route this@MainActivity.finish()
ann at example dot com
""".splitlines()


@pytest.mark.parametrize(("line", "masked"), MASKED)
def test_a_text_with_an_address(line: str, masked: str) -> None:
    """The address is masked, the rest stays; masking is idempotent."""
    assert MASKER.text(line) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("line", KEPT)
def test_a_text_without_an_address(line: str) -> None:
    """A version, a name, a time and a loopback address stay."""
    assert MASKER.text(line) == line


def test_the_network_of_a_mapped_address() -> None:
    """mask_ip="network": an address of version 4 within one of version 6 keeps its network."""
    masker = TextMasker(ip="network")

    masked = masker.text("at ::ffff:203.0.113.9")
    assert masked == "at 203.0.113.0"
    assert masker.text(masked) == masked
