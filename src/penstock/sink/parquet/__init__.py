"""The format ``parquet``: typed columns, a file for each flush. docs/formats/parquet.md describes the columns."""
