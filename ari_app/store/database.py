"""The database of the folded tables: opening it, and bringing its schema up to this program."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError as SqlDatabaseError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ari_app.ownership import make_private
from ari_app.store.errors import DatabaseError, DatabaseNewer
from ari_app.store.tables import REVISION

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BUSY_SECONDS: Final = 5.0
"""How long one writer of an SQLite database waits for another."""

CACHE_KIB: Final = 65_536
"""What a writer may keep in memory of an SQLite database, so that a large transaction writes each page once."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_revision = sa.table("alembic_version", sa.column("version_num"))


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for the database; nothing is connected yet.

    For SQLite every transaction takes the write lock when it begins (two that both read first and then
    write would fail), except with ``read_only``.

    Raises:
        DatabaseError: the address is not one of a database that can be used here.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return sa.create_engine(parsed, pool_pre_ping=True)
        engine = sa.create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    except (SQLAlchemyError, ImportError) as error:
        msg = f"the database {_shown(url)} cannot be used: {error}"
        raise DatabaseError(msg) from error
    file = parsed.database

    @event.listens_for(engine, "do_connect")
    def _make_private(*_: object) -> None:
        if file and file != ":memory:" and not read_only:
            with suppress(OSError):  # SQLite says what is wrong, in the next moment
                make_private(Path(file))

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: object) -> None:  # noqa: ANN401 - SQLAlchemy does not type it
        connection.isolation_level = None  # we say when a transaction begins
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def stored_revision(engine: Engine) -> str | None:
    """The schema's revision; None: the database is empty.

    Raises:
        DatabaseError: the database cannot be reached or read.
    """
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.scalar(sa.select(_revision.c.version_num))
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error


def ensure_schema(engine: Engine) -> None:
    """Bring the schema up to this program's revision.

    Raises:
        DatabaseNewer: it is newer than this program.
        DatabaseError: it cannot be reached or changed.
    """
    stored = stored_revision(engine)
    if stored == REVISION:
        return
    if stored is not None and stored > REVISION:
        msg = (
            f"the database {engine.url.render_as_string()} has schema {stored}, this program knows "
            f"{REVISION}: use the newer program"
        )
        raise DatabaseNewer(msg)
    _migrate(engine)


def _migrate(engine: Engine) -> None:
    # Alembic takes longer to import than everything else here; it is needed only when there is work.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error


def trouble(engine: Engine, error: Exception) -> DatabaseError:
    """An error of the database as one sentence."""
    reason = error.orig if isinstance(error, SqlDatabaseError) else error
    return DatabaseError(f"the database {engine.url.render_as_string()} cannot be used: {reason}")


def _shown(url: str) -> str:
    """The address without what may be a password."""
    return f"...@{url.rpartition('@')[2]}" if "@" in url else url
