"""The set-up of a Snowflake account: what is sent, and what is said when it is refused."""

import json
import re
import subprocess

import pytest
import snowflake.connector
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra import snowflake as setup
from infra.snowflake.__main__ import apply, render
from market_opinion.core.errors import (
    InvalidRequest,
    MartRefused,
    MartUnavailable,
    SettingsInvalid,
)
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart
from market_opinion.serving.mart.snowflake_login import connect
from tests.conftest import REPOSITORY
from tests.loopback import Loopback, QuietHandler
from tests.warehouse import PYTHON, needs_server

PUBLICATION = Publication(5, has_links=False)
GOLDEN = REPOSITORY / "tests" / "golden"
PLACE = {
    "MART_URI": "snowflake://myorg-account1/OPINIONS",
    "SNOWFLAKE_LAKE_URI": "s3://tf-prod-opinions-augmented/warehouse/",
    "SNOWFLAKE_AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/opinions-snowflake",
    "SNOWFLAKE_AWS_EXTERNAL_ID": "opinions_1",
    "AWS_ACCOUNT_ID": "123456789012",
    "AWS_REGION": "eu-central-1",
}
# What the Snowflake-speaking server does not know at all: it answers these without running them.
_UNKNOWN = [
    r"^\s*(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?(EXTERNAL VOLUME|CATALOG INTEGRATION|STORAGE INTEGRATION|ICEBERG TABLE|EXTERNAL TABLE|WAREHOUSE|ROLE|TRANSIENT|STAGE|SCHEMA)",
    r"^\s*(GRANT|REVOKE|USE ROLE)",
]


@pytest.fixture
def place(monkeypatch):
    for name, value in PLACE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("road", "catalog"),
    [("iceberg", "glue_rest"), ("iceberg", "glue"), ("external", "glue"), ("copy", "glue")],
)
def test_the_set_up_is_what_was_read_and_agreed(place, monkeypatch, road, catalog):
    """A24, C18, C19: golden files; a change of a statement is a change of them."""
    monkeypatch.setenv("SNOWFLAKE_ACCESS", road)
    monkeypatch.setenv("SNOWFLAKE_CATALOG", catalog)
    golden = GOLDEN / f"snowflake_{road}{'_' + catalog if road == 'iceberg' else ''}.sql"
    assert setup.setup(load_settings()) == golden.read_text()


def test_what_was_never_run_says_so():
    """A file with untested statements (volumes, integrations, lake tables) says `Unchecked`."""
    for path in (REPOSITORY / "infra" / "snowflake").glob("*.sql"):
        text = path.read_text()
        if (
            re.search(
                r"EXTERNAL VOLUME|INTEGRATION|ICEBERG|EXTERNAL TABLE|AUTO_REFRESH_STATUS",
                text.partition("\n")[2],
            )
            and "grants.sql" not in path.name
        ):
            assert "Unchecked" in text or path.name == "01_roles.sql", path.name
        assert "$${" not in text


@needs_server
def test_apply_sends_every_statement_in_order(warehouse, place, monkeypatch, capsys):
    """S9: by the real connector."""
    for name, value in {**warehouse.environment("OPINIONS"), "SNOWFLAKE_ACCESS": "iceberg"}.items():
        monkeypatch.setenv(name, value)
    sent = []
    execute, open_connection = (
        snowflake.connector.cursor.SnowflakeCursor.execute,
        snowflake.connector.connect,
    )

    def with_unknown(**options):
        options["session_parameters"] |= {"nop_regexes": _UNKNOWN}
        return open_connection(**options)

    def record(cursor, command, *args, **rest):
        sent.append(command)
        return execute(cursor, command, *args, **rest)

    monkeypatch.setattr(snowflake.connector, "connect", with_unknown)
    monkeypatch.setattr(snowflake.connector.cursor.SnowflakeCursor, "execute", record)
    apply()
    expected = list(setup.statements((GOLDEN / "snowflake_iceberg_glue_rest.sql").read_text()))
    assert [command for command in sent if command in expected] == expected
    assert "CREATE ICEBERG TABLE" in capsys.readouterr().out


# The kind of each parsed statement, and of those that make or change something what it is.
_PARSE = """
import json, sys, sqlglot
from sqlglot import exp
kinds = exp.Create, exp.Insert, exp.Delete
print(json.dumps([
    [type(tree).__name__, isinstance(tree, kinds) and tree.this.find(exp.Table).sql().split(" ")[0]]
    for tree in sqlglot.parse(sys.stdin.read(), dialect="snowflake") if tree
]))"""


@pytest.fixture
def cortex(place, monkeypatch, capsys):
    """The SQL that lets Cortex judge a domain, as the command prints it."""

    def rendered(domain="smartphones", **options):
        monkeypatch.setenv("SNOWFLAKE_ACCESS", "iceberg")
        render(cortex=domain, **options)
        return capsys.readouterr().out

    return rendered


@needs_server
@pytest.mark.parametrize("domain", ["smartphones", "cars", "games", "hotels"])
def test_cortex_judges_each_aspect_into_a_schema_of_its_own(cortex, domain):
    """It parses, names a database like the set-up, writes nowhere else, and is not in `apply`."""
    sql = cortex(domain, texts=50)
    assert "Unchecked" in sql.partition("USE ROLE")[0]
    assert "<= 50" in sql
    parsed = subprocess.run(
        [PYTHON, "-c", _PARSE], input=sql, capture_output=True, text=True, check=True
    )
    kinds = json.loads(parsed.stdout)
    assert len(kinds) == len(list(setup.statements(sql)))
    assert [each for each in kinds if each[1]] == [
        ["Create", "OPINIONS.cortex"],
        ["Create", "OPINIONS.cortex.texts"],
        ["Create", "OPINIONS.cortex.judgements"],
        ["Delete", "OPINIONS.cortex.judgements"],
        ["Insert", "OPINIONS.cortex.judgements"],
        ["Create", "OPINIONS.cortex.comparison"],
    ]
    lists = re.findall(r"AI_SENTIMENT\(d\.text, \[(.*?)\]\)", sql)
    titles = [
        aspect.title for aspect in load_domain(domain, REPOSITORY / "domains").aspects.values()
    ]
    assert [title for each in lists for title in re.findall("'(.*?)'", each)] == titles
    assert max(each.count("', '") for each in lists) < 10
    assert "cortex" not in setup.setup(load_settings()).lower()
    assert "AI_SENTIMENT" not in setup.setup(load_settings())


def test_cortex_needs_texts_and_titles_that_it_takes(place, monkeypatch, phones):
    """Silver has texts in Snowflake where its tables are read in place."""
    monkeypatch.setenv("SNOWFLAKE_ACCESS", "external")
    with pytest.raises(SettingsInvalid, match="SNOWFLAKE_ACCESS=iceberg"):
        setup.cortex(load_settings(), phones, texts_max=1)
    monkeypatch.setenv("SNOWFLAKE_ACCESS", "iceberg")
    with pytest.raises(InvalidRequest, match="from 1"):
        setup.cortex(load_settings(), phones, texts_max=0)
    battery = phones.aspects["battery"].model_copy(update={"title": "x" * 31})
    domain = phones.model_copy(update={"aspects": {**phones.aspects, "battery": battery}})
    with pytest.raises(InvalidRequest, match="aspect battery of smartphones"):
        setup.cortex(load_settings(), domain, texts_max=1)


_BESIDE = """
CREATE SCHEMA lake; CREATE SCHEMA mart; CREATE SCHEMA cortex;
CREATE TABLE lake.items (platform TEXT, kind TEXT, item_id TEXT, created_at TIMESTAMP, text TEXT);
CREATE TABLE lake.mentions (domain TEXT, platform TEXT, kind TEXT, item_id TEXT,
    created_at TIMESTAMP, product_id TEXT);
CREATE TABLE mart.fact_aspect_opinion (domain TEXT, platform TEXT, kind TEXT, item_id TEXT,
    product_id TEXT, aspect TEXT, label TEXT);
INSERT INTO lake.items SELECT 'reddit', 'comment', column1, '2026-03-01'::TIMESTAMP, column2
    FROM VALUES ('a', 'great'), ('b', 'bad'), ('two', 'better'), ('gone', 'fine');
INSERT INTO lake.mentions SELECT 'smartphones', 'reddit', 'comment', column1,
    '2026-03-01'::TIMESTAMP, column2
    FROM VALUES ('a', 'p9'), ('b', 'p9'), ('two', 'p9'), ('two', 's24'), ('gone', 'p9');
INSERT INTO mart.fact_aspect_opinion
    SELECT 'smartphones', 'reddit', 'comment', column1, 'p9', 'battery', column2
    FROM VALUES ('a', 'positive'), ('b', 'positive'), ('two', 'negative')
"""
_ANSWERED = """
INSERT INTO cortex.judgements
    SELECT domain, platform, kind, item_id, product_id, 'battery',
        CASE item_id WHEN 'a' THEN 'positive' WHEN 'b' THEN 'negative' ELSE 'unknown' END,
        text_key, CURRENT_TIMESTAMP() FROM cortex.texts;
UPDATE lake.items SET text = '' WHERE item_id = 'gone'
"""


@needs_server
def test_cortex_is_compared_on_the_texts_that_it_judged(warehouse, cortex, monkeypatch):
    """But for the call of Cortex: texts of two products and erased ones have no part in it."""
    sql = cortex()
    for name, value in {
        **warehouse.environment("OPINIONS2"),
        "SNOWFLAKE_ACCESS": "iceberg",
    }.items():
        monkeypatch.setenv(name, value)
    ours = [
        each.replace("OPINIONS.", "").replace("TRANSIENT ", "")
        for each in setup.statements(sql)
        if re.match(r"CREATE (OR REPLACE VIEW|TRANSIENT TABLE)|DELETE", each)
    ]
    made = [each.partition("DATA_RETENTION")[0] for each in ours if "DELETE" not in each]
    (delete,) = (each for each in ours if "DELETE" in each)
    with connect(load_settings()) as connection, connection.cursor() as cursor:
        for statement in [*setup.statements(_BESIDE), *made, *setup.statements(_ANSWERED), delete]:
            cursor.execute(statement)
        rows = cursor.execute("SELECT * FROM cortex.comparison").fetchall()
    # domain, product, aspect, texts, opinions of both, both, same, net sentiment of both.
    assert rows == [("smartphones", "p9", "battery", 2, 2, 2, 2, 1, 1, 0)]


def test_what_is_missing_is_named(place, monkeypatch):
    monkeypatch.delenv("SNOWFLAKE_AWS_ROLE_ARN")
    with pytest.raises(SettingsInvalid, match="SNOWFLAKE_AWS_ROLE_ARN"):
        setup.setup(load_settings())


@pytest.mark.parametrize("value", ["s3://bucket/x' STORAGE_AWS_ROLE_ARN='arn", "file:///tmp"])
def test_no_setting_can_end_a_statement(place, monkeypatch, value):
    """Values are pasted into SQL, so their form is checked."""
    monkeypatch.setenv("SNOWFLAKE_LAKE_URI", value)
    with pytest.raises(SettingsInvalid, match="SNOWFLAKE_LAKE_URI"):
        load_settings()


@pytest.fixture
def refusing(place, monkeypatch):
    """An account that answers sign-ins and statements as the test says, in Snowflake's form."""
    answers = {"login": None, "query": None}

    class Handler(QuietHandler):
        def do_POST(self):
            self.received()
            kind = (
                "login"
                if "login-request" in self.path
                else "query"
                if "query-request" in self.path
                else None
            )
            refusal = answers.get(kind)
            if refusal == "hang up":
                self.close_connection = True
                return
            if refusal:
                body = {
                    "success": False,
                    "code": refusal[0],
                    "message": refusal[1],
                    "data": {"errorCode": refusal[0], "sqlState": "42501"},
                }
            else:
                session = {
                    "token": "t",
                    "masterToken": "m",
                    "validityInSeconds": 3600,
                    "masterValidityInSeconds": 3600,
                    "parameters": [],
                    "sessionId": 1,
                    "sessionInfo": {},
                }
                body = {"success": True, "code": None, "message": None, "data": session}
            self.send(200, json.dumps(body).encode(), {})

    with Loopback(Handler) as server:
        monkeypatch.setenv("SNOWFLAKE_URL", server.address)
        monkeypatch.setenv("SNOWFLAKE_USER", "LOADER")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY", pem)
        monkeypatch.setattr("market_opinion.serving.mart.snowflake_login._TIMEOUT_SECONDS", 3)
        yield answers


@pytest.mark.parametrize(
    ("kind", "refusal", "words"),
    [
        ("login", ("390144", "JWT token is invalid."), "its key has expired"),
        (
            "login",
            (
                "390189",
                "Role 'X' specified in the connect string does not exist or not authorized.",
            ),
            "SNOWFLAKE_ROLE",
        ),
        (
            "query",
            ("000606", "No active warehouse selected in the current session."),
            "SNOWFLAKE_WAREHOUSE",
        ),
        (
            "query",
            ("003001", "Insufficient privileges to operate on schema 'MART'"),
            "lacks a privilege",
        ),
        (
            "query",
            ("002003", "Object 'LAKE.ITEMS' does not exist or not authorized."),
            "infra.snowflake apply",
        ),
        ("query", ("094405", "Catalog integration could not assume role."), "docs/snowflake.md"),
    ],
)
def test_a_refusal_says_what_to_do(refusing, kind, refusal, words):
    """The message names the remedy and holds no secret."""
    refusing[kind] = refusal
    with pytest.raises(MartRefused, match=words) as raised:
        SnowflakeMart(
            lambda: connect(load_settings()), access="iceberg", publication=PUBLICATION
        ).query("SELECT 1")
    assert "PRIVATE KEY-----" not in str(raised.value)


def test_an_account_that_does_not_answer_is_tried_again_later(refusing):
    """Transient: the task is repeated, the message names what to check."""
    refusing["login"] = "hang up"
    with pytest.raises(MartUnavailable, match="check the account in MART_URI"):
        SnowflakeMart(
            lambda: connect(load_settings()), access="iceberg", publication=PUBLICATION
        ).query("SELECT 1")
