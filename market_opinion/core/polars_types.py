"""Polars types that all tables share; light to import, unlike the contracts."""

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")
Schema = dict[str, pl.DataType | type[pl.DataType]]
