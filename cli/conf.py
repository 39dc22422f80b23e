"""``siaga conf render --systemd`` and ``--logrotate``: what the machine's own services read of a site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ari_app.site.secrets import load_or_create
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from cli.errors import Refused
from cli.help import examples
from cli.language import tr
from cli.options import HERE, State, new_group, path
from cli.output import counted, print_line
from cli.place import settings_from, settings_in_force, state_dir

app = new_group("The configuration: check it, render Asterisk's files from it.")

_OWN_FILE: Final = Path("siaga.toml")


@app.command(epilog=examples("siaga conf check", "siaga conf check /etc/siaga/siaga.toml"))
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            parser=path,
            show_default=False,
            help="The file to check. Left out: siaga.toml here; without one, the one in the state directory.",
        ),
    ] = None,
    state: State = HERE,
) -> None:
    """Check a configuration file: is every key known, and does everything fit together?"""
    if file is None and not _OWN_FILE.exists():
        place = state_dir(state)
        file, settings = place.config, settings_in_force(place)
    else:
        file = file or _OWN_FILE
        settings = settings_from(file)
    if settings.mqtt.ca or settings.mqtt.certificate:
        _check_certificates(file, settings)
    if settings.database.url:
        _check_url(file, settings.database.url)
    print_line(tr("{file} is in order: {site}", file=file, site=describe(settings)))


def _check_certificates(file: Path, settings: Settings) -> None:
    from ari_app.bus.broker import tls_trouble  # noqa: PLC0415 - only for sites with a broker elsewhere

    if trouble := tls_trouble(settings.mqtt):
        raise Refused(f"{file}: {trouble}")


def _check_url(file: Path, url: str) -> None:
    from ari_app.store.database import open_engine  # noqa: PLC0415 - only for sites with a database of their own
    from ari_app.store.errors import DatabaseError  # noqa: PLC0415

    try:
        open_engine(url).dispose()
    except DatabaseError as error:
        raise Refused(f"{file}: database.url: {error}") from None


@app.command(
    epilog=examples(
        "siaga conf render --output /tmp/look",
        "siaga conf render --systemd units --config /etc/siaga/siaga.toml",
        "siaga conf render --logrotate /etc/logrotate.d/siaga110",
    )
)
def render(  # noqa: PLR0913 - one parameter for each option
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            parser=path,
            show_default=False,
            help="Use this configuration. Left out: the one in the state directory.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            parser=path,
            show_default=False,
            help="Write below this new or empty directory, to look at the files. Left out: the state directory's "
            "own files are written anew; a running Asterisk takes them when it is next started.",
        ),
    ] = None,
    systemd: Annotated[
        Path | None,
        typer.Option(
            "--systemd",
            metavar="DIR",
            parser=path,
            show_default=False,
            help="Write systemd's units there instead, and have systemd check them; with --config, every start reads "
            "that file.",
        ),
    ] = None,
    logrotate: Annotated[
        Path | None,
        typer.Option(
            "--logrotate",
            metavar="FILE",
            parser=path,
            show_default=False,
            help="Write this file instead, by which logrotate keeps the state directory's logs short.",
        ),
    ] = None,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who runs the units.")] = "siaga",
    state: State = HERE,
) -> None:
    """Write Asterisk's files for this site, with its desks, trunks, ports and secrets."""
    settings = settings_from(config) if config else settings_in_force(state_dir(state))
    place = StateDir(state)
    if systemd is not None or logrotate is not None:
        _write_services(settings, place, systemd, logrotate, config=config, user=user)
        return
    place.create()
    written = _render(settings, place, output)
    print_line(tr("{files} in {folder}", files=counted(len(written), "file"), folder=written[0].parent))


def _write_services(  # noqa: PLR0913 - as the options are
    settings: Settings, place: StateDir, systemd: Path | None, logrotate: Path | None, *, config: Path | None, user: str
) -> None:
    from cli.units import write_logrotate, write_units  # noqa: PLC0415 - see _render

    if systemd is not None:
        write_units(settings, place, systemd, config=config, user=user)
    if logrotate is not None:
        write_logrotate(place, logrotate, user=user)


def _render(settings: Settings, place: StateDir, output: Path | None) -> list[Path]:
    # A third of a second for Jinja; `conf check` is run much more often.
    from ari_app.site.render import asterisk_dirs, render  # noqa: PLC0415

    modules_dir, data_dir = asterisk_dirs()
    secrets = load_or_create(place, settings)
    if output is not None:
        _make_own(output)
    return render(settings, place, secrets, modules_dir=modules_dir, data_dir=data_dir, folder=output)


def _make_own(folder: Path) -> None:
    """Make the folder, or take it if we made it before: what we do not know there would be removed.

    Raises:
        Refused: there is something else where it should be.
    """
    from ari_app.site.render import names  # noqa: PLC0415 - see _render

    if folder.is_dir() and {each.name for each in folder.iterdir()} - names():
        raise Refused(tr("{folder} has other files in it: name a new or empty directory", folder=folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def describe(settings: Settings) -> str:
    """The site in a few words."""
    parts = (
        counted(len(settings.polda_desks), "Polda desk"),
        counted(len(settings.desk) - len(settings.polda_desks), "Polres desk"),
        f"{len(settings.polres)} Polres",
        counted(len(settings.trunk), "trunk"),
        counted(len(settings.radio), "radio net"),
    )
    return f"{settings.site.name}, {', '.join(parts)}"
