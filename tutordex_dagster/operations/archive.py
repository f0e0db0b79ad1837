"""Extractions as a Parquet file: what is kept of a version after it is deleted."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tutordex_dagster.errors import UsageError


def write_parquet(path: Path, batches: Iterable[Sequence[tuple[Any, ...]]], *, schema_version: str) -> int:
    """Write exported extractions (`store.pruning.COLUMNS`) to a new file and return how many it holds.

    The file is there whole or not at all, and is on the disk when this returns. Raises UsageError when a file
    of that name exists or the folder cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if path.exists():
        raise UsageError(path, "exists already", "move it away")
    half = path.with_name(f".{path.name}.part")
    schema = _schema(pa, schema_version)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with parquet.ParquetWriter(half, schema, compression="zstd") as writer:
            for rows in batches:
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        _sync(half)
        held = parquet.read_metadata(half).num_rows
        half.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise UsageError(path, f"cannot be written ({error.strerror})", "choose another --into") from error
    finally:
        with suppress(OSError):  # it is gone already, or its folder never was
            half.unlink()
    return int(held)


def _schema(pa: Any, schema_version: str) -> Any:  # noqa: ANN401 - pyarrow ships no types
    text, instant = pa.string(), pa.timestamp("us", tz="UTC")
    fields = {
        "raw_id": pa.int64(),
        "pipeline_version": text,
        "channel_id": pa.int64(),
        "posted_at": instant,
        "status": text,
        "priority": pa.int16(),
        "attempt": pa.int16(),
        "result": text,
        "reason": text,
        "error_class": text,
        "meta": text,
        "enqueued_at": instant,
        "finished_at": instant,
    }
    return pa.schema(fields.items(), metadata={"schema_version": schema_version, "timezone": "UTC"})


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
