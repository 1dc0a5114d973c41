"""Literals in source lines, and texts in them."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()

MASKED = [
    # calls with a name and a value
    ('os.getenv("DB_PASSWORD", "Zq7")', 'os.getenv("DB_PASSWORD", "[secret]")'),
    ("os.environ.get('DB_PASSWORD', 'Zq7')", "os.environ.get('DB_PASSWORD', '[secret]')"),
    ('data.setdefault("password", "Zq7")', 'data.setdefault("password", "[secret]")'),
    ('getattr(settings, "API_TOKEN", "Zq7w")', 'getattr(settings, "API_TOKEN", "[secret]")'),
    ('config("SECRET_KEY", default="Zq7")', 'config("SECRET_KEY", default="[secret]")'),
    ('add_argument("--password", default="Zq7")', 'add_argument("--password", default="[secret]")'),
    ('run(["x", "--password", "Zq7"])', 'run(["x", "--password", "[secret]"])'),
    ('{"name": "DB_PASSWORD", "value": "Zq7"}', '{"name": "DB_PASSWORD", "value": "[secret]"}'),
    (
        'parametrize("password", ["Zq7", "Pp9"])',
        'parametrize("password", ["[secret]", "[secret]"])',
    ),
    # names of all kinds, with annotations
    ('os.environ["DB_PASSWORD"] = "Zq7"', 'os.environ["DB_PASSWORD"] = "[secret]"'),
    ('config["db"]["password"] = "Zq7"', 'config["db"]["password"] = "[secret]"'),
    ('password: str | None = "Zq7"', 'password: str | None = "[secret]"'),
    ('token: Annotated[str, "x"] = "Zq7w"', 'token: Annotated[str, "x"] = "[secret]"'),
    ('f(password="Zq7", user="ann")', 'f(password="[secret]", user="ann")'),
    ('if password == "Zq7":', 'if password == "[secret]":'),
    ('if args.get("token") != "Zq7w":', 'if args.get("token") != "[secret]":'),
    ('user, password = "annx", "Zq7"', 'user, password = "[secret]", "[secret]"'),
    ("const password = `Zq7w`;", "const password = `[secret]`;"),
    ('var pw = @"Zq7";', 'var pw = @"[secret]";'),
    ('if x: password = "Zq7"', 'if x: password = "[secret]"'),
    # values of all kinds
    ('auth=("annqq", "Zq7wpl")', 'auth=("[secret]", "[secret]")'),
    ('password = ("Zq7" "Pp9")', 'password = ("[secret]" "[secret]")'),
    ('password = "Zq7" + "Pp9"', 'password = "[secret]" + "[secret]"'),
    (
        'PASSWORDS = {"ann": "Zq7", "bob": "Pp9"}',
        'PASSWORDS = {"ann": "[secret]", "bob": "[secret]"}',
    ),
    ('x = {"passwords": ["Zq7"], "user": "ann"}', 'x = {"passwords": ["[secret]"], "user": "ann"}'),
    ('password = SecretStr("Zq7")', 'password = SecretStr("[secret]")'),
    (
        'password: str = Field(min=8, default="Zq7")',
        'password: str = Field(min=8, default="[secret]")',
    ),
    ('password = get("X") or "Zq7"', 'password = get("X") or "[secret]"'),
    ('token = process.env.TOKEN || "Zq7w"', 'token = process.env.TOKEN || "[secret]"'),
    ('password = x if debug else "Zq7"', 'password = x if debug else "[secret]"'),
    ('password = hashlib.md5(b"Zq7")', 'password = hashlib.md5(b"[secret]")'),
    # calls for a secret
    ('user.set_password("Zq7")', 'user.set_password("[secret]")'),
    ('HTTPBasicAuth("ann", "Zq7")', 'HTTPBasicAuth("ann", "[secret]")'),
    ('BasicAuth("ann", password="Zq7")', 'BasicAuth("ann", password="[secret]")'),
    ('smtp.login("ann", "Zq7")', 'smtp.login("ann", "[secret]")'),
    (
        'jwt.decode(a, "Zq7", algorithms=["HS256"])',
        'jwt.decode(a, "[secret]", algorithms=["HS256"])',
    ),
    # texts in literals and comments
    ('x = "Server=db;Password=Zq7;"', 'x = "Server=db;Password=[secret];"'),
    ('dsn = "Server=db;Password=Zq7w;"', 'dsn = "Server=db;Password=[secret];"'),
    ('q = f"https://x/?password={x}&token=Zq7w"', 'q = f"https://x/?password={x}&token=[secret]"'),
    (
        """run("ALTER USER a IDENTIFIED BY 'Zq7'")""",
        """run("ALTER USER a IDENTIFIED BY '[secret]'")""",
    ),
    (
        'run("mysql -u root -pZq7 shop", shell=True)',
        'run("mysql -u root -p[secret] shop", shell=True)',
    ),
    ("x = y  # password: Zq7wpl", "x = y  # password: [secret]"),
    ("it's = 1  # don't\npassword = 'Zq7'", "it's = 1  # don't\npassword = '[secret]'"),
    # over several lines
    ('password = (\n    "Zq7"\n)\nx = "y"', 'password = (\n    "[secret]"\n)\nx = "y"'),
    ('password = \\\n    "Zq7"', 'password = \\\n    "[secret]"'),
    ('password = """Zq7\nPp9"""\nx = 1', 'password = """[secret]\n"""\nx = 1'),
    ('"""\npassword=Zq7wpl\n"""', '"""\npassword=[secret]\n"""'),
]

KEPT = """\
raise ValueError("password is required")
raise KeyError("token", key)
x = session["token"]
label="Password"
os.getenv("DB_PASSWORD")
if key == "password":
if "token" not in data: raise KeyError("token")
token = get_token("orders")
session = get_session("orders")
password = getpass.getpass("Password: ")
password = models.CharField("password", max_length=128)
password = forms.CharField(label="Password", strip=False)
SESSION_ENGINE = "django.contrib.sessions.backends.db"
fields = ("password", "email")
users.only("password", "email")
parser.add_argument("--token", "-t", help="API token")
def f(password: str, user="ann"): pass
f(password, user="ann")
headers = {"Authorization": f"Bearer {token}"}
token = "{}-{}".format(a, b)
log.info("token refreshed for %s", user)
print("token:", token)
assert "password" in data, "no password"
cookie = request.cookies.get("session", "")
response.set_cookie("session", value, path="/")
path("token/", TokenView.as_view(), name="token_obtain")
raise HTTPException(401, "invalid token")
class BasicAuth(namedtuple("BasicAuth", ["login", "password1"])):
check_password(password, encoded, preferred="default1")
""".splitlines()
KEPT += [
    'def f(password):\n    """Checks the password."""',
    'class Password:\n    """A password."""',
]

MASKED += [
    (
        'password = env.str("DB_PASSWORD", default="Zq7wpl2m")',
        'password = env.str("DB_PASSWORD", default="[secret]")',
    ),
    (
        'SECRET_KEY = env.str("SECRET_KEY", default="Zq7wpl2m")',
        'SECRET_KEY = env.str("SECRET_KEY", default="[secret]")',
    ),
    (
        '"PASSWORD": os.environ.get("DB_PASSWORD", "Zq7wpl2m"),',
        '"PASSWORD": os.environ.get("DB_PASSWORD", "[secret]"),',
    ),
    ("password=env.str('DB_PASSWORD', 'Zq7wpl2m')", "password=env.str('DB_PASSWORD', '[secret]')"),
    (
        'token = cfg.get("auth", "token", fallback=\'Zq7wpl2m\')',
        'token = cfg.get("auth", "token", fallback=\'[secret]\')',
    ),
    (
        'requests.get(url, auth=HTTPBasicAuth("ann", "Zq7wpl2m"))',
        'requests.get(url, auth=HTTPBasicAuth("ann", "[secret]"))',
    ),
    ("auth=aiohttp.BasicAuth('ann','Zq7wpl2m')", "auth=aiohttp.BasicAuth('ann','[secret]')"),
    (
        'driver(uri, auth=basic_auth("neo4j", "Zq7wpl2m"))',
        'driver(uri, auth=basic_auth("neo4j", "[secret]"))',
    ),
    (
        'password: Annotated[str, Field(min_length=8)] = "Zq7wpl2m"',
        'password: Annotated[str, Field(min_length=8)] = "[secret]"',
    ),
    ('if "Zq7wpl2m" == password:', 'if "[secret]" == password:'),
    ('if password in ("Zq7wpl2m", "Kk28dhfu"):', 'if password in ("[secret]", "[secret]"):'),
    ('(user, token) = ("annq", "Zq7wpl2m")', '(user, token) = ("[secret]", "[secret]")'),
    ('pub const API_KEY: &str = "Zq7wpl2m";', 'pub const API_KEY: &str = "[secret]";'),
    (
        'cur.execute("UPDATE u SET token = %s", ("Zq7wpl2m",))',
        'cur.execute("UPDATE u SET token = %s", ("[secret]",))',
    ),
    ("'CockroachDsn', 'Zq7wpl2m'", "'CockroachDsn', '[secret]'"),
    (
        'cur.execute("INSERT INTO users (name, password) VALUES (%s, %s)", ("annq9", "Zq7wpl2m"))',
        (
            'cur.execute("INSERT INTO users (name, password) VALUES (%s, %s)", ("[s'
            'ecret]", "[secret]"))'
        ),
    ),
    ('token = str("Zq7wpl2m", "utf-8")', 'token = str("[secret]", "utf-8")'),
    ('password: str = Field(default="Zq7wpl2m")', 'password: str = Field(default="[secret]")'),
    (
        'password = os.environ.get("DBP_X", "Zq7wpl2m")',
        'password = os.environ.get("DBP_X", "[secret]")',
    ),
    (
        'password = os.environ.get("DBP_X") or "Zq7wpl2m"',
        'password = os.environ.get("DBP_X") or "[secret]"',
    ),
]
KEPT += [
    'cur.execute("UPDATE u SET name = %s", ("annqq",))',
    'if "admin" == role:',
    'if "password" in data:',
    'if password in (None, "")',
    'password = os.environ.get("DB_PASSWORD", "")',
    'password = os.environ["DB_PASSWORD"]',
    'password = env.str("DB_PASSWORD")',
    "__all__ = [\n    'PostgresDsn',\n    'CockroachDsn',\n    'AmqpDsn',\n]",
    "__all__ = ['PostgresDsn', 'CockroachDsn', 'AmqpDsn']",
    'if token in ("access", "refresh"):',
    'for token in ["a17b", "b9"]:',
    'key in ("id", "name17")',
    'cur.execute("SELECT * FROM tokens WHERE name = %s", ("annq9x",))',
    'password = getpass("Password: ", "x")',
    'token = get_token("orders", "v2")',
    'token = request.headers.get("X-Token")',
    'if "Bearer" == auth:',
]


@pytest.mark.parametrize(("lines", "masked"), MASKED)
def test_a_secret(lines: str, masked: str) -> None:
    """The literal is masked, the rest and the number of lines stay; masking is idempotent."""
    assert "\n".join(MASKER.code(lines.split("\n"))) == masked
    assert "\n".join(MASKER.code(masked.split("\n"))) == masked


@pytest.mark.parametrize("lines", KEPT)
def test_no_secret(lines: str) -> None:
    """Names, and words of messages, stay."""
    assert "\n".join(MASKER.code(lines.split("\n"))) == lines
