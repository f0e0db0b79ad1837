"""Numbered migrations and the ledger that says which of them a database has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from psycopg import sql
from psycopg.errors import DuplicateDatabase, UniqueViolation
from psycopg.rows import class_row

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import (
    Connection,
    Database,
    allow_long,
    connect,
    database_name,
    with_database,
)
from tutordex_dagster.store.queries import load

_FOLDER = Path(__file__).parent / "migrations"
_SQL = load("migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A numbered step as a ledger remembers it."""

    version: int
    name: str
    checksum: str

    @property
    def label(self) -> str:
        """Return its file's name without the ending: `0001_initial`."""
        return f"{self.version:04}_{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration(Step):
    """A step of this release with its SQL."""

    script: bytes


def shipped(folder: Path = _FOLDER) -> list[Migration]:
    """Return the migrations of this release in their order."""
    return [_read(path) for path in sorted(folder.glob("[0-9]*_*.sql"))]


def ensure_database(url: str) -> None:
    """Create the database the URL names when the server has none of that name.

    Raises UsageError when the URL names none, or the server cannot be reached.
    """
    name = database_name(url)
    with connect(with_database(url, "postgres"), autocommit=True) as connection:
        exists = connection.execute(_SQL["database_exists"], {"name": name}).fetchone()
        if exists == (False,):
            _create(connection, name)


def migrate(db: Database, *, steps: Sequence[Migration] | None = None) -> list[str]:
    """Apply what the database lacks, all or nothing, one process at a time; return the names applied.

    Raises UsageError when the ledger names steps this release does not know, or other texts for known ones.
    """
    steps = shipped() if steps is None else steps
    with db.connection() as connection:
        allow_long(connection)
        connection.execute(_SQL["lock"])
        connection.execute(_SQL["create_ledger"])
        pending = _pending(db.name, steps, _applied(connection))
        for step in pending:
            connection.execute(step.script)
            connection.execute(
                _SQL["record"], {"version": step.version, "name": step.name, "checksum": step.checksum}
            )
    return [step.label for step in pending]


def check(db: Database, *, steps: Sequence[Migration] | None = None) -> list[str]:
    """Say what keeps this release from using the database, one line each; nothing when it is ready."""
    steps = shipped() if steps is None else steps
    with db.connection() as connection:
        has_ledger = connection.execute(_SQL["has_ledger"]).fetchone() == (True,)
        applied = _applied(connection) if has_ledger else []
    try:
        pending = _pending(db.name, steps, applied)
    except UsageError as error:
        return [str(error)]
    return [f"migration {step.label} is not applied; run `tutordex db migrate`" for step in pending]


def _read(path: Path) -> Migration:
    script = path.read_bytes()
    number, _, name = path.stem.partition("_")
    checksum = sha256(script).hexdigest()
    return Migration(version=int(number), name=name, checksum=checksum, script=script)


def _create(connection: Connection, name: str) -> None:
    try:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (DuplicateDatabase, UniqueViolation):
        return  # another process was a moment faster; which of the two it is depends on the moment


def _applied(connection: Connection) -> list[Step]:
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(_SQL["applied"]).fetchall()


def _pending(where: str, steps: Sequence[Migration], applied: Sequence[Step]) -> list[Migration]:
    known = {step.version: step for step in steps}
    for row in applied:
        step = known.pop(row.version, None)
        if step is None:
            raise UsageError(
                where,
                f"has migration {row.label}, which this release does not know",
                "install the release that made it",
            )
        if step.checksum != row.checksum:
            raise UsageError(
                where,
                f"migration {row.label} was applied with another text than this release ships",
                "restore the file; a change is a new migration",
            )
    return list(known.values())
