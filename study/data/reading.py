"""Reading a CSV or Parquet file into a frame, or saying why not."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from study.errors import StudyError

EXTENSIONS = {".csv": "CSV", ".parquet": "Parquet", ".pq": "Parquet"}


def read_frame(path: str | Path, *, option: str = "data.path", text: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a file, in file order, under a plain row number.

    CSV is comma-separated UTF-8 with a header; blank lines are skipped, and the empty cell, `NA`, `NaN`,
    `None` and `null` are missing. Columns named in `text` stay text, so that a category `007` is not read as
    7. `option` is the name under which the user gave the path, for messages. Raises StudyError on anything
    unreadable.
    """
    place = Path(path).expanduser()
    given = f"{option}={path}"
    if not place.exists():
        raise StudyError(f"{given} does not exist (looked for {place.resolve()}).")
    if place.is_dir():
        inside = sorted(f.name for f in place.iterdir() if f.suffix.lower() in EXTENSIONS)
        hint = f": {', '.join(inside[:10])}" if inside else ""
        raise StudyError(f"{given} is a folder; name one CSV or Parquet file in it{hint}.")
    if place.suffix.lower() not in EXTENSIONS:
        raise StudyError(
            f"{given} has the extension {place.suffix!r}; these are read: {', '.join(EXTENSIONS)}."
        )
    try:
        if place.stat().st_size == 0:
            raise StudyError(f"{given} is empty.")
        if EXTENSIONS[place.suffix.lower()] == "CSV":
            frame = _read_csv(place, given, text)
        else:
            frame = _read_parquet(place, given)
    except OSError as error:
        raise StudyError(f"{given} cannot be read: {error.strerror or error}.") from error
    if frame.empty:
        raise StudyError(f"{given} has {frame.shape[1]} columns and no rows.")
    return frame


def _read_csv(place: Path, given: str, text: Collection[str]) -> pd.DataFrame:
    content = _decode(place.read_bytes(), given)
    header = _check_fields(content, given)
    try:
        return pd.read_csv(
            io.StringIO(content),
            index_col=False,
            low_memory=False,
            float_precision="round_trip",  # the default is off by a bit now and then
            dtype={name: str for name in text if name in header},
        )
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise StudyError(f"{given} cannot be read as CSV: {error}.") from error


def _decode(raw: bytes, given: str) -> str:
    if b"\x00" in raw:
        raise StudyError(f"{given} holds zero bytes: it is a binary file (or UTF-16), not a CSV in UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"{given} is not UTF-8: byte {raw[error.start]:#04x} in line {line} cannot be decoded. Save it "
            "as UTF-8."
        ) from error


def _check_fields(content: str, given: str) -> list[str]:
    """The header, once every record is known to have as many fields; pandas itself pads short ones silently."""
    records = csv.reader(io.StringIO(content, newline=""), strict=True)
    header: list[str] = []
    try:
        for record in records:
            if not record:
                continue
            if not header:
                header = record
                check_names(header, given)
            elif len(record) != len(header):
                raise StudyError(
                    f"{given} is ragged: the record that ends in line {records.line_num} has {len(record)} "
                    f"field{'s' * (len(record) != 1)}, the header {len(header)}. Text that contains a comma must "
                    "stand in double quotes."
                )
    except csv.Error as error:
        raise StudyError(f"{given} cannot be read as CSV near line {records.line_num}: {error}.") from error
    if not header:
        raise StudyError(f"{given} is empty: it holds blank lines only.")
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise StudyError(f"{given} is separated by {other!r}, it seems; fields must be separated by commas.")
    return header


def _read_parquet(place: Path, given: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(
            place
        ) as file:  # a plain read_table would glue partition folders and skip duplicate names
            check_names(list(file.schema_arrow.names), given)
            frame = file.read().to_pandas(ignore_metadata=True)
    except pa.ArrowException as error:
        raise StudyError(f"{given} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return frame.drop(columns=[name for name in frame.columns if name.startswith("__index_level_")])


def check_names(names: list[str], given: str) -> None:
    """Raises StudyError unless every column has a name of its own."""
    unnamed = [position for position, name in enumerate(names, start=1) if not name.strip()]
    if unnamed:
        raise StudyError(
            f"{given}: column {unnamed[0]} of {len(names)} has no name. Name it in the header (a pandas "
            "index is left out with to_csv(index=False))."
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise StudyError(
            f"{given} has several columns named {', '.join(map(repr, repeated))}; names must differ."
        )
