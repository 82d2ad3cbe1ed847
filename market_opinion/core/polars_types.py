"""What tables say of a column without its contract: types that all agree on, importable in no time."""

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")
Schema = dict[str, pl.DataType | type[pl.DataType]]
