"""Opening what lies in the state directory. The heavy modules are imported when they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ari_app.site.state import StateDir
from cli.errors import Refused
from cli.language import tr

if TYPE_CHECKING:  # at run time they would cost `journal tail` half a second
    from sqlalchemy import Engine

    from ari_app.domain.calls import CallRow
    from ari_app.site.basics import Basics
    from ari_app.site.settings import Settings
    from ari_app.store.call_filter import CallFilter


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
        raise Refused(
            tr(
                "there is no configuration in {folder} yet: scripts/run or siaga.target puts it there",
                folder=state.root,
            )
        )
    return settings_from(state.config)


def basics(state: StateDir) -> Basics:
    """What a quick command needs of the configuration in force.

    Raises:
        Refused: as ``settings_in_force``.
    """
    from ari_app.site.basics import Basics, read_basics  # noqa: PLC0415

    quick = read_basics(state.config)
    if quick is not None:
        return quick
    settings = settings_in_force(state)
    site = settings.site
    return Basics(site.timezone, site.region, site.area_code, settings.database.url)


def find_calls(state: StateDir, site: Basics, wanted: CallFilter) -> list[CallRow]:
    """The calls that are wanted, up to the journal's last line; none while there is no journal.

    Raises:
        Refused: as ``settings_in_force``.
        JournalError, DatabaseError: one of them cannot be used.
    """
    if not state.journal.exists():
        return []
    # SQLAlchemy takes longer to import than all else here together: it is for other databases, and where much is new.
    from ari_app.store.sqlite_tables import quick_calls  # noqa: PLC0415

    found = quick_calls(state.journal, site.database_url or f"sqlite:///{state.database}", wanted)
    if found is not None:
        return found
    from ari_app.store.queries import list_calls  # noqa: PLC0415

    engine = tables(state, settings_in_force(state))
    return list_calls(engine, wanted) if engine is not None else []


def telephone_number(option: str, entered: str | None, site: Basics) -> str | None:
    """A telephone number to look for, as E.164; None: it was left out.

    Raises:
        typer.BadParameter: it is none: everybody would be found.
    """
    if entered is None:
        return None
    from ari_app.domain.numbers import e164  # noqa: PLC0415

    number = e164(entered, site.region, site.area_code)
    if number is None:
        raise typer.BadParameter(tr("it has no digit, or too few"), param_hint=option)
    return number


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
