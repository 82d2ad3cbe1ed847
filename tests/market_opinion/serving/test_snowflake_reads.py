"""Questions to Snowflake, before any connection: what is refused, and what is bound."""

import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart, _bound, check_reads

WRITES = [
    "DROP TABLE mart.dim_date",
    "SELECT 1; DROP TABLE mart.dim_date",
    "SELECT 'it\\'s'; DROP TABLE mart.dim_date --'",
    "SELECT $$'$$; DROP TABLE mart.dim_date --'",
    "// SELECT\nDROP TABLE mart.dim_date",
    "/* SELECT */ DROP TABLE mart.dim_date",
    "WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS $$ BEGIN DROP TABLE x; END $$ CALL p()",
    "WITH p AS /* */ procedure () RETURNS INT LANGUAGE SQL AS 'DROP TABLE x' CALL p()",
    "SELECT 1 ->> DROP TABLE mart.dim_date",
    "SELECT SYSTEM$ABORT_SESSION(1)",
    "PUT 'file:///etc/passwd' @staging.load_files",
    "COPY INTO @staging.load_files FROM mart.dim_date",
    "",
]
READS = [
    "SELECT ';' AS a;",
    "SELECT 'it''s; one', $$ ; ->> $$, \"a;b\" // ;\n-- ;\n/* ; */",
    "(SELECT 1)",
    "with x AS (SELECT 1 AS procedure) SELECT * FROM x",
    "SHOW TABLES",
]


def test_snowflake_is_asked_one_statement_that_reads():
    """A parser of ours stands for Snowflake's: nothing is sent that is more than a question."""
    store = SnowflakeMart(
        lambda: pytest.fail("it was sent"),
        access="copy",
        publication=Publication(5, has_links=False),
    )
    for sql in WRITES:
        with pytest.raises(InvalidRequest, match="one SELECT"):
            store.query(sql)
    for sql in READS:
        check_reads(sql)


def test_only_parameters_are_put_in():
    """A dollar and a per cent of the question stay what they are."""
    assert _bound("SELECT 5 % 2, '$5'", {}) == "SELECT 5 % 2, '$5'"
    bound = _bound("SELECT '100%', '$5', $$x$$ WHERE brand = $brand_0", {"brand_0": "x"})
    assert bound % {"brand_0": "'x'"} == "SELECT '100%', '$5', $$x$$ WHERE brand = 'x'"
