"""User and password in URLs and connection strings."""

from __future__ import annotations

import pytest

from sentryinit._redaction.text import TextMasker

MASKER = TextMasker(queries=True)

MASKED = [
    # URLs, as they are and as programs escape them
    (r"https:\/\/ann:Zq7wpl@h.example", r"https:\/\/[secret]@h.example"),
    ("https%3A%2F%2Fann%3AZq7wpl%40h.example%2Fx", "https%3A%2F%2F[secret]%40h.example%2Fx"),
    ("a=https%3A%2F%2Fann%3AZq%25407%40h&b=c", "a=https%3A%2F%2F[secret]%40h&b=c"),
    ("https%253A%252F%252Fann%253AZq7%2540h", "https%253A%252F%252F[secret]%2540h"),
    ("https://Zq7wpl2m@h.example/x", "https://[secret]@h.example/x"),
    ("//ann:Zq7wpl@h.example/x", "//[secret]@h.example/x"),
    ("from string 'postgres//ann:Zq7wpl@db/shop'", "from string 'postgres//[secret]@db/shop'"),
    ("InvalidURL: http://ann:Zq7@[bad", "InvalidURL: http://[secret]@[bad"),
    # passwords that are not percent-encoded
    ("https://ann:p'wq8z@h.example/x", "https://[secret]@h.example/x"),
    ('https://ann:p"wq8z@h.example/x', "https://[secret]@h.example/x"),
    ("https://ann:p<wq8z@h.example/x", "https://[secret]@h.example/x"),
    ("postgres://ann:p@ss@Zq7@db/shop", "postgres://[secret]@db/shop"),
    ("mysql://root:Zq7/wpl@db/shop", "mysql://[secret]@db/shop"),
    ("http://u:12-ab/c@h/x", "http://[secret]@h/x"),
    ("Failed to parse: http://ann:Zq7w pl2m@h:99999/", "Failed to parse: http://[secret]@h:99999/"),
    # several hosts
    ("amqps://ann:Zq7@mq1:5671,bob:Pp9@mq2:5671", "amqps://[secret]@mq1:5671,[secret]@mq2:5671"),
    ("mongodb://u:p,w@h1:1,h2:2/x", "mongodb://[secret]@h1:1,h2:2/x"),
    # without a scheme
    ("root:Zq7wpl@tcp(db:3306)/x", "[secret]@tcp(db:3306)/x"),
    ("root:Zq/7@wpl@unix(/tmp/x)/x", "[secret]@unix(/tmp/x)/x"),
    ("Open(default:Zq7wpl@tcp(ch:9000))", "Open([secret]@tcp(ch:9000))"),
    ("scott/Zq7wpl2m@db", "[secret]@db"),
    ("sqlplus scott/tiger@db1", "sqlplus [secret]@db1"),
    ("scott/tiger@//db:1521/x failed", "[secret]@//db:1521/x failed"),
    ("no adapter for 'ann:Zq7wpl2m@host/x'", "no adapter for '[secret]@host/x'"),
    # ODBC, JDBC
    ("Server=db;UID=sa;PWD={a1}}b;};Database=x", "Server=db;UID=sa;PWD={[secret]};Database=x"),
    ("UID=sa;PWD={a1}b};", "UID=sa;PWD={[secret]};"),
    (
        "jdbc:sqlserver://h;user=ann;password=Zq7;a=b",
        "jdbc:sqlserver://h;user=ann;password=[secret];a=b",
    ),
]

KEPT = """\
https://medium.com/@ann/post
http://localhost:8000/a@b
http://host:8080/a?x=y@z
http://[::1]:80/a@b
https://www.google.com/maps/@48.1,11.5,13z
https://unpkg.com/react@18/umd/x.js
see http://host:8080, or ann@host
http://host:foo failed for ann@db
'http://host:x','ann@b'
{"a":"http://h:80","b":"c@d"}
<a href="http://h:80">a@b</a>
postgres://{user}:{password}@{host}/x
postgres://$USER:$PASS@h/x
postgres://<user>:<password>@h
https://***:***@h.example/x
ssh://git@host/o/r
npm i lodash@4.17
actions/checkout@v4 and nginx/alpine@sha256:aa @babel/core@7.1
docker-pullable://redis@sha256:abcdef0123
site-packages/a@b
rabbit:node1@host
npm:foo@latest workspace:pkg@^1
refs/stash@{1}
file:///srv/a@b
s3://bucket/a@b/c
// see a@b
""".splitlines()

MASKED += [
    ("https://ann:abZq7wpl2m(@h.example/x", "https://[secret]@h.example/x"),
    ('jdbc:oracle:thin:ann/"p@wZq7wpl2m"@db:1521:xe', "jdbc:oracle:[secret]@db:1521:xe"),
    ("postgres://ann:Zq7<wp>l2m@db:5432/shop", "postgres://[secret]@db:5432/shop"),
    ("postgres://ann:Zq7\\npl2m@db:5432/shop", "postgres://[secret]@db:5432/shop"),
    ("postgres://ann:Zq7wpl2m\\u0040db/shop", "postgres://[secret]\\u0040db/shop"),
    ("ann:Zq7wpl2m@/dbname", "[secret]@/dbname"),
    (
        "Data Source=db;Persist Security Info=True;User ID=sa;Password=Zq7 wpl2m;Pooling=False",
        "Data Source=db;Persist Security Info=True;User ID=sa;Password=[secret];Pooling=False",
    ),
]
KEPT += [
    "//input[@name='q']",
    '//*[@id="main"]/div[2]',
    "//a[contains(@href,'x')]",
    "//x:a[@href]",
    "//div[@class='a' and @id='b']",
]

MASKED += [
    (
        '<add name="Db" connectionString="Server=db;Password=Zq7wpl2m;" />',
        '<add name="Db" connectionString="Server=db;Password=[secret];" />',
    ),
    (
        "connect(dsn='postgres://ann:Zq7wpl2m@db/shop')",
        "connect(dsn='postgres://[secret]@db/shop')",
    ),
    ('connection_string="Zq7wpl2m"', 'connection_string="[secret]"'),
]


@pytest.mark.parametrize(("line", "masked"), MASKED)
def test_a_secret(line: str, masked: str) -> None:
    """The secret is masked, the rest stays; masking is idempotent."""
    assert MASKER.text(line) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("line", KEPT)
def test_no_secret(line: str) -> None:
    """Text that only resembles a secret stays."""
    assert MASKER.text(line) == line
