"""Names of keys: the last word decides, whatever the spelling."""

from __future__ import annotations

import pytest

from sentryinit._redaction import key_names
from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.redactor import Redactor

NAMES = KeyNames(["Tenant-Id", "kürzel"], ["region"])

OWN = ("TenantId", "tenant.id", "TENANT_ID", "kürzel")
CERTAIN = (
    *"password passwd passphrase passcode db_pass DB_PASS SMTP_PASS dbpass user_pw".split(),
    *"MYSQL_PWD".split(),
    *"password1 password_hash passwordOld new_password_confirmation dbpassword".split(),
    *"userpassword".split(),
    *"user[password] user.passwd password[] db.0.password Pass-Word user%5Bpassword%5D".split(),
    *"client_secret webhook_secret access_token_secret DJANGO_SECRET_KEY jwt_secret_key".split(),
    *"apiKey api_key x-api-key HTTP_X_API_KEY AWS_SECRET_ACCESS_KEY encryption_key".split(),
    *"hmac_key".split(),
    *"x-functions-key privateKey private_key_pem API_KEY_PROD awssecretaccesskey authkey".split(),
    *"Authorization Proxy-Authorization HTTP_AUTHORIZATION card_cvc card_cvv cvv2 card_pin".split(),
    *"otp_code otpCode mfa_code 2fa_code reset_code verification_code pin pin_code".split(),
    *"user_ssn".split(),
    *"card_number Card-Number IBAN mnemonic password_for_orders".split(),
    *"passwort kennwort senha contraseña contrasena mot_de_passe mdp wachtwoord hasło".split(),
    *"haslo".split(),
    *"shopSECRETkey shopPRIVATEKey".split(),
    *"пароль 密码 パスワード userPassword.value secrets 用户密码 пароля FERNET_KEY".split(),
    *("API key", "Private Key", "seed phrase", "security answer", "mot de passe", "one time code"),
)
LIKELY = (
    *"token refresh_token accessToken accesstoken api_token_value bot-token X-CSRF-Token".split(),
    *"csrfmiddlewaretoken x-amz-security-token XSRF-TOKEN session_id sessionid session_key".split(),
    *"PHPSESSID JSESSIONID connect.sid sid http_auth auth basicAuth oauth2 id_jwt idjwt".split(),
    *"Set-Cookie HTTP_COOKIE cookies signature X-Signature card creditCard".split(),
    *"credentials creds".split(),
    *"pg_dsn SENTRY_DSN connection_string connectionString AWS_ACCESS_KEY_ID pass pwd".split(),
    *"tokens".split(),
    *"session_data auth_header authorizationHeader ssh_key salt password_salt bearer".split(),
    *"authentication".split(),
)
RANDOM = (
    *"key code sig STRIPE_KEY sendgrid.key keys api state email error_code".split(),
    *"country_code".split(),
    *"nonce certificate secret_id token_info session_store PASSWORD_HASHERS auth_backend".split(),
    *"has_password max_tokens use_auth ado_pat crypt".split(),
    *"api_key_header code_owner_key verification_certificate".split(),
)
NONE = (
    *"session_timeout token_endpoint cookie_domain password_reset_at".split(),
    *"tokens_used".split(),
    *"primary_key secret_name SESSION_COOKIE_AGE AUTH_USER_MODEL token_type passwordless".split(),
    *"is_authenticated sessionmaker tokenizer tokenize secretary author".split(),
    *"authors authority keyboard keyword monkey passenger compass bypass pinned spinning".split(),
    *"sidebar cardinal discard description encode barcode hashtag keyspace signal apiary".split(),
    *"key_error foreign_key cache_key sort_key public_key routing_key ".split(),
    *"card_brand".split(),
    *"signature_version authorization_url credential_type sessions_count pin_code_length".split(),
    *"number_of_tokens token_count api_key_name private_key_id private_key_path".split(),
    *"commit_hash hash".split(),
    *"user.has_password".split(),
    *"CSRF_USE_SESSIONS path_of_secret first_pass password_file name id 17 _ -".split(),
    *("", "[secret]", "x[secret]", "a-[secret:0123456789ab]"),
)
RANKS = [
    *((name, Rank.OWN) for name in OWN),
    *((name, Rank.CERTAIN) for name in CERTAIN),
    *((name, Rank.LIKELY) for name in LIKELY),
    *((name, Rank.RANDOM) for name in RANDOM),
    *((name, Rank.NONE) for name in NONE),
]


@pytest.mark.parametrize(("name", "rank"), RANKS)
def test_the_rank_of_a_name(name: str, rank: Rank) -> None:
    """A name has one rank, and is sensitive if values that can be a secret are masked."""
    assert NAMES.rank(name) is rank
    assert NAMES.is_sensitive(name) == (rank >= Rank.LIKELY)


@pytest.mark.parametrize(
    "spelling", ["{}=x", "{}: x", '"{}": "x"', "('{}', 'x')", "--{} x1", "{} 17"]
)
def test_the_first_look_finds_each_name(spelling: str) -> None:
    """No sensitive name is missed, in upper case and with other punctuation neither."""
    for name in (*OWN, *CERTAIN, *LIKELY):
        for written in (name, name.upper(), name.replace("_", "-"), name.replace("_", ".")):
            assert NAMES.may_contain(spelling.format(written)), written


@pytest.mark.parametrize("name", [n for n in RANDOM if n not in {"state", "email", "nonce"}])
@pytest.mark.parametrize("spelling", ["{}=x", "{}: x", '"{}": "x"', "<{}>x", "?{}=x", "{} 5f3a"])
def test_the_first_look_finds_names_of_random_values(name: str, spelling: str) -> None:
    """These names are frequent words: they count before a separator or a number."""
    assert NAMES.may_contain(spelling.format(name))


@pytest.mark.parametrize("rank", [Rank.LIKELY, Rank.CERTAIN])
def test_the_first_look_finds_each_word_of_the_tables(rank: Rank) -> None:
    """A new word of a table needs a fragment."""
    words = [word for word, found in key_names._RANKS.items() if found is rank]

    assert [word for word in words if not NAMES.may_contain(f"x_{word}=1")] == []


@pytest.mark.parametrize(
    "text",
    [
        "order 17 failed: connection to db timed out after 30 s",
        "the status code was odd: see the design of the state machine",
        "unique key of the table, and the keyboard",
        "account closed: spinning up a new one",
        "pinging db1: ok",
    ],
)
def test_the_first_look_at_other_texts(text: str) -> None:
    """Frequent words count only as names."""
    assert not NAMES.may_contain(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in "code key reset_code token slug_token hash email phone".split()),
        *((name, True) for name in "username password session_id region Region".split()),
        *((name, False) for name in "id name slug page order_id country tenant cache_key".split()),
        *((name, False) for name in "country_code session_timeout".split()),
    ],
)
def test_a_path_parameter(name: str, expected: bool) -> None:
    """Parameters that identify a person or a secret are sensitive, and those of the settings."""
    assert NAMES.is_sensitive_parameter(name) is expected


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("comment=acme", "comment=[secret]"),
        ('{"comment": "acme"}', '{"comment": "[secret]"}'),
        ("comments=acme", "comments=acme"),
    ],
)
def test_a_name_of_the_user_s_in_a_text(text: str, masked: str) -> None:
    """mask_keys mask any value."""
    assert Redactor(["comment"]).text(text) == masked


@pytest.mark.parametrize("value", ["This is not required.", "acme", "", 0, True, [], {"a": None}])
def test_a_name_of_the_user_s_in_data(value: object) -> None:
    """mask_keys mask any value, sentences as well."""
    assert Redactor(["comment"]).event({"extra": {"comment": value}}) == {
        "extra": {"comment": "[secret]"}
    }


def test_a_long_name() -> None:
    """A name of any length has a rank."""
    assert NAMES.rank("x_" * 5000 + "password") is Rank.CERTAIN
    assert NAMES.rank("value_" * 5000) is Rank.NONE
