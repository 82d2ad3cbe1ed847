"""A server that speaks Snowflake's protocol on loopback: `python fakesnow_server.py PORT`.

fakesnow runs each statement on DuckDB, in an environment of its own. It is not Snowflake: it proves
the protocol, the parsing of the dialect, transactions and our code, no more.
"""

import re
import sys

import fakesnow.arrow
import fakesnow.info_schema
import fakesnow.transforms
import pyarrow as pa
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

_to_struct = fakesnow.arrow.timestamp_to_sf_struct
_insert_comment = fakesnow.info_schema.insert_table_comment_sql
_execute = FakeSnowflakeCursor.execute
_execute_parsed = FakeSnowflakeCursor._execute
_COLUMNS = re.compile(r"(ALTER TABLE \S+ ALTER) (COLUMN \w+ COMMENT '.*)", re.DOTALL)


def _with_nulls(times: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """Keep the mask of NULL timestamps, which fakesnow 0.12.1 sends as 1970."""
    whole = times.combine_chunks() if isinstance(times, pa.ChunkedArray) else times
    if not whole.null_count:
        return _to_struct(whole)
    filled = _to_struct(whole.fill_null(0))
    return pa.StructArray.from_arrays(
        list(filled.flatten()), fields=list(filled.type), mask=whole.is_null()
    )


def _with_quotes(catalog: str, schema: str, table: str, comment: str) -> str:
    """Escape the quotes of a comment, which fakesnow 0.12.1 writes into its own SQL as they are."""
    return _insert_comment(catalog, schema, table, comment.replace("'", "''"))


def _column_by_column(cursor, command, *args, **options):
    """Run ALTER TABLE with the comments of several columns, whose list sqlglot 30.22 cannot read."""
    if listed := _COLUMNS.fullmatch(command):
        columns = re.split(r", (?=COLUMN \w+ COMMENT ')", listed[2])
        for column in columns:
            _execute(cursor, f"{listed[1]} {column}", *args, **options)
        return cursor
    return _execute(cursor, command, *args, **options)


def _extracted(expression):
    """Take the comments of columns out of a statement, and leave them beside it."""
    if not isinstance(expression, (exp.Create, exp.Alter)):
        return expression
    table, comments = expression.find(exp.Table), {}
    for column in list(expression.find_all(exp.ColumnDef)):
        for constraint in list(column.find_all(exp.ColumnConstraint)):
            if isinstance(constraint.kind, exp.CommentColumnConstraint):
                comments[column.name] = constraint.kind.this.this
                constraint.pop()
    actions = expression.args.get("actions") or []
    for action in actions:
        if isinstance(action, exp.AlterColumn) and (comment := action.args.get("comment")):
            comments[action.name] = comment.this
    if comments and isinstance(expression, exp.Alter):
        expression = fakesnow.transforms.SUCCESS_NOP.copy()
    if comments:
        expression.args["column_comments"] = (table, comments)
    return expression


def _commented(cursor, transformed, params=None):
    """Run a statement, and put its comments on the columns, which fakesnow 0.12.1 drops."""
    _execute_parsed(cursor, transformed, params)
    table, comments = transformed.args.get("column_comments") or (None, {})
    if comments:
        names = (
            table.catalog or cursor._conn.database,
            table.db or cursor._conn.schema,
            table.name,
        )
        for column, text in comments.items():
            words = text.replace("'", "''")
            place = ".".join((*names, column))
            cursor._duck_conn.execute(f"COMMENT ON COLUMN {place} IS '{words}'")


if __name__ == "__main__":
    FakeSnowflakeCursor.execute = _column_by_column
    FakeSnowflakeCursor._execute = _commented
    fakesnow.transforms.extract_comment_on_columns = _extracted
    fakesnow.arrow.timestamp_to_sf_struct = _with_nulls
    fakesnow.info_schema.insert_table_comment_sql = _with_quotes
    uvicorn.run("fakesnow.server:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
