"""Opening what lies in the state directory. The heavy modules are imported when they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ari_app.site.state import StateDir
from cli.errors import Refused
from cli.language import tr

if TYPE_CHECKING:  # at run time they would cost `journal tail` half a second
    from sqlalchemy import Engine

    from ari_app.site.settings import Settings


def state_dir(root: Path) -> StateDir:
    """The state directory.

    Raises:
        StateError: it does not exist, or may not be read.
    """
    state = StateDir(root)
    state.check()
    return state


def settings_from(file: Path) -> Settings:
    """The configuration in a file.

    Raises:
        Refused: it cannot be read, or is wrong.
    """
    from ari_app.site.settings import ConfigError, load_settings  # noqa: PLC0415

    try:
        return load_settings(file)
    except ConfigError as error:
        raise Refused(str(error)) from None


def settings_in_force(state: StateDir) -> Settings:
    """The configuration that the application in this state directory runs with.

    Raises:
        Refused: there is none yet, or it cannot be used.
    """
    if not state.config.exists():
        raise Refused(tr("there is no configuration in {folder} yet: scripts/run puts it there", folder=state.root))
    return settings_from(state.config)


def tables(state: StateDir, settings: Settings) -> Engine | None:
    """The tables, up with the journal, for reading; None while there is no journal.

    Raises:
        JournalError, DatabaseError: one of them cannot be used.
    """
    if not state.journal.exists():
        return None
    from ari_app.store.database import open_engine  # noqa: PLC0415
    from ari_app.store.projections import catch_up  # noqa: PLC0415

    url = state.database_url(settings)
    catch_up(state.journal, open_engine(url))
    return open_engine(url, read_only=True)
