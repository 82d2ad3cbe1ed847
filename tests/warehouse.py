"""A server that speaks Snowflake's protocol on loopback, for the length of a `with`."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from market_opinion.serving import mart
from tests.conftest import MART_TABLES, REPOSITORY
from tests.loopback import ServerProcess, free_port

PYTHON = REPOSITORY / ".venv" / "snowflake-server" / "bin" / "python"
needs_server = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"no Snowflake-speaking server at {PYTHON}: run make .venv/dev"
)
VIEWS = [name.partition("/")[2] for name in mart.names("views")]


class Warehouse(ServerProcess):
    """The server; every database on it is empty until it is made."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        super().__init__(
            [PYTHON, REPOSITORY / "tests" / "fakesnow_server.py", str(port)], port=port, log=log
        )

    def environment(self, database: str) -> dict[str, str]:
        """The settings of a database on it."""
        return {
            "MART_URI": f"snowflake://fakesnow/{database}",
            "SNOWFLAKE_URL": f"http://127.0.0.1:{self.port}",
            "SNOWFLAKE_USER": "loader",
            "SNOWFLAKE_PASSWORD": "a password",
            "SNOWFLAKE_ACCESS": "copy",
        }


def contents(store, names=(*MART_TABLES, "load_audit", *VIEWS)):
    frames = {name: store.query(f"SELECT * FROM mart.{name}") for name in names}
    return {name: frame.select(sorted(frame.columns)) for name, frame in frames.items()}


def assert_equal(left, right, *names):
    """Assert equal rows in all tables and views, or the given ones; floats within 1e-9."""
    for one, other in zip(
        contents(left, *names).values(), contents(right, *names).values(), strict=True
    ):
        exact = [
            column
            for column in one.columns
            if one.schema[column] != pl.Float64 and not one.schema[column].is_decimal()
        ]
        ordered = [_alike(frame).sort(exact, nulls_last=True) for frame in (one, other)]
        assert_frame_equal(*ordered, check_dtypes=False, abs_tol=1e-9, rel_tol=0)


def _alike(frame):
    """Cast whole numbers to Int64, others to Float64."""
    return frame.with_columns(
        pl.col(pl.Int8, pl.Int16, pl.Int32, pl.Int128).cast(pl.Int64),
        pl.col(pl.Decimal).cast(pl.Float64),
    )
