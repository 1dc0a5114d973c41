"""Credentials that are recognised by their form: JWTs, private keys, ``Authorization``."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker(queries=True)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4eHgifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
JWE = "eyJhbGciOiJSU0EtT0FFUCJ9.Ab1cd2ef.Gh3ij4kl.Mn5op6qr.St7uv8wx"
SPACED = "ewogICJhbGciOiAiSFMyNTYiCn0.ewogICJzdWIiOiAieCIKfQ.c2lnbmF0dXJl"
TOKEN = "Ab1cd2ef3Gh4"
HASH = "0a1b2c3d" * 8

LINE = "MIIC3jCCAkcCAjA6MA0GCSqGSIb3DQEBBAUAMIG2MQswCQYDVQQGEwJVUzEiMCAG"
CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{LINE}\nMIIC\n-----END CERTIFICATE-----"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{LINE}\nMIIC\n-----END PRIVATE KEY-----"

MASKED = [
    # JSON web tokens
    (f"surveyJwt={JWT}", "surveyJwt=[secret]"),
    (f"/surveyJobs/{JWT}/items", "/surveyJobs/[secret]/items"),
    (f"/a?b%3D{JWT}", "/a?b%3D[secret]"),
    (f"a {JWT.replace('.', '%2E')} b", "a [secret] b"),
    (f"a\\n{JWT}\\n", "a\\n[secret]\\n"),
    (f"{JWE}, {SPACED}", "[secret], [secret]"),
    ("sntrys_eyJpYXQiOjE2ODc5fQ%3D%3D_Ab1Cd2Ef3Gh4Ij5Kl6", "[secret]"),
    # schemes
    (f"sent Bearer {TOKEN}, again", "sent Bearer [secret], again"),
    (f"q=Bearer+{TOKEN}", "q=Bearer+[secret]"),
    (f"a%20Bearer%20{TOKEN}", "a%20Bearer%20[secret]"),
    (f"Bearer: {TOKEN}", "Bearer: [secret]"),
    (f"Bearer '{TOKEN}'", "Bearer '[secret]'"),
    (f"Bearer <{TOKEN}>", "Bearer <[secret]>"),
    ("sent Basic%20YW5uOnB3", "sent Basic%20[secret]"),
    ('sent Basic "YW5uOnB3"', 'sent Basic "[secret]"'),
    (f"sent Basic {TOKEN}{TOKEN}", "sent Basic [secret]"),
    (f"sent Negotiate {TOKEN}{TOKEN}==", "sent Negotiate [secret]"),
    (f"sent SSWS {TOKEN}{TOKEN}", "sent SSWS [secret]"),
    (f"SharedKey shop:{TOKEN}{TOKEN}=", "SharedKey shop:[secret]"),
    (
        f'Digest username="ann", response="{HASH[:32]}"',
        'Digest username="ann", response="[secret]"',
    ),
    (f'Hawk id="a", mac="{TOKEN}{TOKEN}="', 'Hawk id="a", mac="[secret]"'),
    (f'OAuth oauth_signature="{TOKEN}{TOKEN}%3D"', 'OAuth oauth_signature="[secret]"'),
    ("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[secret]"),
    # private keys
    ("a -----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY----- b", "a [secret] b"),
    (
        "a -----BEGIN EC PRIVATE KEY----- MHcCAQEEIIAb1cd2 -----END EC PRIVATE KEY----- b",
        "a [secret] b",
    ),
    ("-----BEGIN+RSA+PRIVATE+KEY-----%0AMIIE", "[secret]"),
    ("-----BEGIN%20RSA%20PRIVATE%20KEY-----%0AMIIE", "[secret]"),
    (f"{CERTIFICATE}\n{PRIVATE_KEY}\n{CERTIFICATE}", f"{CERTIFICATE}\n[secret]\n{CERTIFICATE}"),
    (f'{{"kty": "oct", "k": "{TOKEN}{TOKEN}"}}', '{"kty": "oct", "k": "[secret]"}'),
    (
        f'{{\\"kty\\":\\"EC\\",\\"x\\":\\"Ab1\\",\\"d\\":\\"{TOKEN}-{TOKEN}\\"}}',
        '{\\"kty\\":\\"EC\\",\\"x\\":\\"Ab1\\",\\"d\\":\\"[secret]\\"}',
    ),
    (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n=ab\n-----END PGP PRIVATE KEY BLOCK-----",
        "[secret]",
    ),
    (
        "---- BEGIN SSH2 PRIVATE KEY ----\nP2/56w\n---- END SSH2 PRIVATE KEY ----",
        "[secret]",
    ),
    (
        "a\n-----BEGIN A-----\nMII1\n-----END A-----\nb\n-----BEGIN B-----\nMII2",
        "a\n[secret]\nb\n[secret]",
    ),
    (
        "Private-Lines: 2\nAAAAgQDZ\nAAAAgQPp\nPrivate-MAC: 0a",
        "Private-Lines: 2\n[secret]\nPrivate-MAC: 0a",
    ),
    # webhooks
    ("https://hooks.slack.com/services/T0/B0/ab1", "https://hooks.slack.com/[secret]"),
    (
        "https://api.telegram.org/bot12345678:AA" + "b1C" * 11 + "/x",
        "https://api.telegram.org/bot[secret]/x",
    ),
    (
        f"/triggers/manual/paths/invoke?sv=1.0&sig={TOKEN * 3}",
        "/triggers/manual/paths/invoke?sv=1.0&sig=[secret]",
    ),
]

KEPT = """\
eyJhbGciOiJIUzI1NiJ9 is the half of a token
survey.eyJobs.create
Bearer authentication failed
Bearer error: invalid_token
Expected 'Bearer <token>' or "Bearer [secret]"
bearer HTTP/2.0, Bearer RFC6750
Basic authentication required
WWW-Authenticate: Bearer realm="x", error="invalid_token"
WWW-Authenticate: Digest realm="x", nonce="abc", qop="auth"
Basic realm="Restricted"
token type Bearer
Negotiate authentication failed
unexpected token at_position_of_the_file
digest mismatch: response=timeout
digest.send(response=self.getDigestResponse2(challenge))
no start line: expected -----BEGIN PRIVATE KEY----- first
missing -----END CERTIFICATE-----
---- BEGIN OF REPORT ----
""".splitlines()


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_a_credential(text: str, masked: str) -> None:
    """It is masked, and what is around it stays; a second time nothing changes."""
    assert MASKER.text(text) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("text", KEPT)
def test_no_credential(text: str) -> None:
    """A sentence about a credential stays."""
    assert MASKER.text(text) == text
