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

MARKUP += [
    ("<password>Zq7wpl2m", "<password>[secret]"),
    ("<a><password>Zq7wpl2m", "<a><password>[secret]"),
    ("<password>Zq7wpl2m</pass", "<password>[secret]</pass"),
    ("<password><![CDATA[Zq7wpl2m", "<password><![CDATA[[secret]"),
    ('<input type="password" value="Zq7wpl2m">', '<input type="password" value="[secret]">'),
    ("<b>Password:</b> Zq7wpl2m", "<b>Password:</b> [secret]"),
    ("<strong>Password</strong>: Zq7wpl2m", "<strong>Password</strong>: [secret]"),
    ("<th>password</th><td>Zq7wpl2m</td>", "<th>password</th><td>[secret]</td>"),
    (
        '<form><input type="hidden" name="csrf_token" value="Zq7wpl2m"></form>',
        '<form><input type="hidden" name="csrf_token" value="[secret]"></form>',
    ),
]
COMMANDS += [
    ("curl -ku ann:Zq7wpl2m https://h/x", "curl -ku [secret] https://h/x"),
    ("curl -sSfu ann:Zq7wpl2m https://h/x", "curl -sSfu [secret] https://h/x"),
    (
        "['curl', '-fsSLu', 'ann:Zq7wpl2m', 'https://h/x']",
        "['curl', '-fsSLu', '[secret]', 'https://h/x']",
    ),
    ("curl -u AKIAIOSFODNN7EXAMPL1:wJalrXUtnFEMI https://h/x", "curl -u [secret] https://h/x"),
    ("curl -u 0a1b2c3d4e5f60718293a4b5c6d7e8f9: https://h/x", "curl -u [secret] https://h/x"),
    ("curl -u Zq7wpl2mKd83: https://api.stripe.com", "curl -u [secret] https://api.stripe.com"),
    ('curl -u "$USER:Zq7wpl2m" https://h/x', 'curl -u "[secret]" https://h/x'),
    ("curl --user ann:'Zq7wpl2m' https://h/x", "curl --user [secret] https://h/x"),
    ("curl -H authorization:Zq7wpl2m https://h/x", "curl -H authorization:[secret] https://h/x"),
    (
        'curl --header "PRIVATE-TOKEN: Zq7wpl2m" "https://gitlab/x"',
        'curl --header "PRIVATE-TOKEN: [secret]" "https://gitlab/x"',
    ),
    ("curl --cert cert.pem:Zq7wpl2m https://h/x", "curl --cert [secret] https://h/x"),
    ("curl -E ./c.pem:Zq7wpl2m https://h/x", "curl -E [secret] https://h/x"),
    ("curl --user [secret]:Zq7wpl2m https://h/x", "curl --user [secret] https://h/x"),
    ("app --password Kk28dhfux run", "app --password [secret] run"),
    ("AUTH PLAIN AGFubgBWeDgzbnEwbFQ=", "AUTH PLAIN [secret]"),
    ("a1 LOGIN ann Zq7wpl2m", "a1 LOGIN ann [secret]"),
    (
        'imaplib.IMAP4.error: LOGIN command error: BAD [b"LOGIN ann Zq7wpl2m"]',
        'imaplib.IMAP4.error: LOGIN command error: BAD [b"LOGIN ann [secret]"]',
    ),
    ("cypher-shell -u neo4j -p Zq7wpl2m", "cypher-shell -u neo4j -p [secret]"),
    ("openssl enc -aes-256-cbc -k Zq7wpl2m -in x", "openssl enc -aes-256-cbc -k [secret] -in x"),
    ("xfreerdp /u:ann /p:Zq7wpl2m /v:h", "xfreerdp /u:ann /p:[secret] /v:h"),
    ("schtasks /create /ru ann /rp Zq7wpl2m", "schtasks /create /ru ann /rp [secret]"),
    (
        'ConvertTo-SecureString "Zq7wpl2m" -AsPlainText -Force',
        'ConvertTo-SecureString "[secret]" -AsPlainText -Force',
    ),
    (
        'ConvertTo-SecureString -String "Zq7wpl2m" -AsPlainText',
        'ConvertTo-SecureString -String "[secret]" -AsPlainText',
    ),
    ("echo ann:Zq7wpl2m | chpasswd", "echo ann:[secret] | chpasswd"),
    ('echo "ann:Zq7wpl2m" | sudo chpasswd', 'echo "ann:[secret]" | sudo chpasswd'),
    ("rar x -hpZq7wpl2m x.rar", "rar x -hp[secret] x.rar"),
    ("keytool -genkey -storepass changeZq7wpl2m", "keytool -genkey -storepass [secret]"),
    ("sqlplus ann/Zq7wpl2m as sysdba", "sqlplus [secret] as sysdba"),
    ("CONNECT ann/Zq7wpl2m", "CONNECT [secret]"),
    ("impdp userid=ann/Zq7wpl2m directory=d", "impdp userid=[secret] directory=d"),
    ("SET PASSWORD FOR ann = 'Zq7wpl2m'", "SET PASSWORD FOR ann = '[secret]'"),
    (
        "SET PASSWORD FOR 'ann'@'%' = PASSWORD('Zq7wpl2m')",
        "SET PASSWORD FOR 'ann'@'%' = PASSWORD('[secret]')",
    ),
    ("CREATE USER ann IDENTIFIED BY Zq7wpl2m", "CREATE USER ann IDENTIFIED BY [secret]"),
    ("select crypt('Zq7wpl2m', password) from u", "select crypt('[secret]', password) from u"),
]
MESSAGES += [
    (
        "ValueError: invalid literal for int() with base 10: 'Zq7wpl2m@db1'",
        "ValueError: invalid literal for int() with base 10: '[secret]@db1'",
    ),
    (
        "LocationParseError: Failed to parse: 'ann:Zq7wpl2m' is not a valid host or port",
        "LocationParseError: Failed to parse: 'ann:[secret]' is not a valid host or port",
    ),
    (
        (
            "1 validation error for N\n  Value error, bad [type=value_error, input_v"
            "alue={'password': 'Zq7wpl2m', 'confirm': 'Pp93jdk2'}, input_type=dict]"
        ),
        (
            "1 validation error for N\n  Value error, bad [type=value_error, input_v"
            "alue={'password': '[secret]', 'confirm': '[secret]'}, input_type=dict]"
        ),
    ),
    (
        (
            "1 validation error for L\nuser\n  Field required [type=missing, input_va"
            "lue={'password': 'Zq7wpl2m', 'confirm': 'Pp93jdk2'}, input_type=dict]"
        ),
        (
            "1 validation error for L\nuser\n  Field required [type=missing, input_va"
            "lue={'password': '[secret]', 'confirm': '[secret]'}, input_type=dict]"
        ),
    ),
    (
        (
            "1 validation error for Login\n  Field required [type=missing, input_val"
            "ue={'user': 'Kk28dhfu', 'password': 'Zq7wpl2m'}, input_type=dict]"
        ),
        (
            "1 validation error for Login\n  Field required [type=missing, input_val"
            "ue={'user': '[secret]', 'password': '[secret]'}, input_type=dict]"
        ),
    ),
    (
        "usage: x\nx: error: argument --password: invalid int value: 'Zq7wpl2m'",
        "usage: x\nx: error: argument --password: invalid int value: '[secret]'",
    ),
    (
        "x: error: argument -t/--token: invalid choice: 'Zq7wpl2m' (choose from 'a', 'b')",
        "x: error: argument -t/--token: invalid choice: '[secret]' (choose from 'a', 'b')",
    ),
    (
        "Error: Invalid value for '--token' / '-t': 'Zq7wpl2m' is not one of 'a', 'b'.",
        "Error: Invalid value for '--token' / '-t': '[secret]' is not one of 'a', 'b'.",
    ),
    (
        "Error: Invalid value for '--password': 'Zq7wpl2m' is not a valid integer.",
        "Error: Invalid value for '--password': '[secret]' is not a valid integer.",
    ),
    (
        "error: invalid value 'Zq7wpl2m' for '--password <P>': invalid digit",
        "error: invalid value '[secret]' for '--password <P>': invalid digit",
    ),
    (
        'invalid argument "Zq7wpl2m" for "--token" flag: strconv.ParseInt',
        'invalid argument "[secret]" for "--token" flag: strconv.ParseInt',
    ),
    (
        "expected int for dictionary value @ data['password']. Got 'Zq7wpl2m'",
        "expected int for dictionary value @ data['password']. Got '[secret]'",
    ),
    (
        "Key 'password' error:\n<lambda>('Zq7wpl2m') should evaluate to True",
        "Key 'password' error:\n<lambda>('[secret]') should evaluate to True",
    ),
    (
        "Key 'password' error:\n'x' does not match 'Zq7wpl2m'",
        "Key 'password' error:\n'x' does not match '[secret]'",
    ),
    (
        "SchemaError(\"Key 'password' error:\\n'x' does not match 'Zq7wpl2m'\")",
        "SchemaError(\"Key 'password' error:\\n'x' does not match '[secret]'\")",
    ),
    (
        (
            "[ValidationError @ 0x7f06302d4050 ( document_path=('password',),schema"
            "_path=('password', 'type'),code=0x24,constraint=\"integer\",value=\"Zq7wp"
            'l2m",info=() )]'
        ),
        (
            "[ValidationError @ 0x7f06302d4050 ( document_path=('password',),schema"
            "_path=('password', '[secret]'),code=0x24,constraint=\"integer\",value=\"["
            'secret]",info=() )]'
        ),
    ),
    (
        (
            "String or binary data would be truncated in table 'x', column 'passwor"
            "d'. Truncated value: 'Zq7wpl2m'."
        ),
        (
            "String or binary data would be truncated in table 'x', column 'passwor"
            "d'. Truncated value: '[secret]'."
        ),
    ),
    (
        (
            "Invalid type for parameter MasterUserPassword, value: ['Zq7wpl2m'], ty"
            "pe: <class 'list'>, valid types: <class 'str'>"
        ),
        (
            "Invalid type for parameter MasterUserPassword, value: ['[secret]'], ty"
            "pe: <class 'list'>, valid types: <class 'str'>"
        ),
    ),
    (
        (
            "Bad value substitution: option 'password' in section 'db' contains an "
            "interpolation key 'x' which is not a valid option name. Raw value: 'ab"
            "%(x)Zq7wpl2m'"
        ),
        (
            "Bad value substitution: option 'password' in section 'db' contains an "
            "interpolation key 'x' which is not a valid option name. Raw value: '[s"
            "ecret]'"
        ),
    ),
    (
        "conflicts with existing key (token, r)=(Zq7wpl2m, [1,2)).",
        "conflicts with existing key (token, r)=([secret], [secret]).",
    ),
    (
        (
            'conflicting key value violates exclusion constraint "x"\nDETAIL:  Key ('
            "token, r)=(Zq7wpl2m, [1,5)) conflicts with existing key (token, r)=(Zq"
            "7wpl2m, [1,2))."
        ),
        (
            'conflicting key value violates exclusion constraint "x"\nDETAIL:  Key ('
            "token, r)=([secret], [secret]) conflicts with existing key (token, r)="
            "([secret], [secret])."
        ),
    ),
    (
        (
            "Function __main__.g() parameter password='Zq7wpl2m' violates type hint"
            " <class 'int'>, as str 'Zq7wpl2m' not instance of int."
        ),
        (
            "Function __main__.g() parameter password='[secret]' violates type hint"
            " <class 'int'>, as str '[secret]' not instance of int."
        ),
    ),
    ('#{<<"password">> => <<"Zq7wpl2m">>}', '#{<<"password">> => <<"[secret]">>}'),
    ('{<<"password">>,<<"Zq7wpl2m">>}', '{<<"password">>,<<"[secret]">>}'),
]
NO_MARKUP += [
    "<password> is required",
    "Map<password> abcdefgh",
    '<input type="password" placeholder="hi">',
    "<th>password</th><th>email</th>",
    "<b>Password:</b> please enter it",
    '<input type="password"> please enter it now',
    "<p>Password</p> required",
    '<<"user">> => <<"annq9x">>',
]
NO_COMMANDS += [
    'curl -u "$USER:$PASS" https://h/x',
    "curl -u ann: https://h/x",
    "curl -ou https://h/x:80",
    'curl -u "${USER}:${PASS}" https://h/x',
    "curl --user [secret] https://h/x",
    "WARNING! Using --password via the CLI is insecure. Use --password-stdin.",
    "The --auth option is deprecated, use --user instead",
    "Error: No such option: --pass (Possible options: --password, --passwd)",
    "--token flag required",
    "use --token instead of --password",
    "AUTH PLAIN is not supported",
    "AUTH LOGIN failed",
    "LOGIN as admin failed",
    "a1 LOGIN required for admin",
    "ConvertTo-SecureString $x -AsPlainText",
    "connect and/or read",
    "CONNECT /as",
]
NO_MESSAGES += [
    "Failed to parse: 'db1:abc' is not a valid host or port",
    (
        "1 validation error for Login\n  Field required [type=missing, input_val"
        "ue={'user': 'annq9', 'port': 'abc'}, input_type=dict]"
    ),
    "x: error: argument --port: invalid int value: 'abcq'",
    'invalid argument "abcq" for "--port" flag: strconv.ParseInt',
    "argument --password: expected one argument",
    "Invalid value for '--token': File 'x' does not exist.",
    "Key 'port' error:\n'x' does not match 'abcq9'",
    "invalid value 'abcq9' for '--port <P>'",
    "[type=missing, input_value={'type': 'abc'}, input_type=dict]",
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
