"""Looks of ``siaga doctor`` at Asterisk, and at what only Asterisk knows: is 110 served, and which phones are there?"""

from __future__ import annotations

import base64
import fcntl
import os
import time
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ari_app.site.secrets import load
from cli.findings import FAILED, OK, WARNING, Seen, not_running, some
from cli.language import tr
from cli.processes import log_of

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

ANSWER_SECONDS: Final = 2.0
HTTP_OK, UNAUTHORIZED = 200, 401
USER: Final = "guard"

BEAT: Final = "SIAGA_BEAT"
"""Asterisk's variable that the serving application writes four times a second."""

BEAT_SECONDS: Final = 0.7
"""By then it is another one."""


class Asked:
    """Asterisk by its REST interface. After one question that was not answered, no more are asked."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._silent = False

    def answers(self, state: StateDir, settings: Settings) -> Seen:
        """Asterisk refuses who comes without a password: then it lives."""
        where = settings.asterisk.http
        try:
            status, _ = self._get(settings, "asterisk/info", {})
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or tr("that is no HTTP")
            return FAILED, tr(
                "it does not answer at {place}: {reason}; nobody can call 110, see {log}",
                place=where,
                reason=reason,
                log=log_of(state, "asterisk"),
            )
        if status != UNAUTHORIZED:
            self._silent = True
            return FAILED, tr(
                "something else than its ARI answers at {place} (status {status}): see asterisk.http in siaga.toml",
                place=where,
                status=status,
            )
        return OK, tr("answers at {place}", place=where)

    def modules(self, state: StateDir, settings: Settings) -> Seen:
        """Whether every module that its configuration names runs."""
        wanted = _modules(state)
        loaded = self._json(state, settings, "asterisk/modules")
        if not isinstance(loaded, list):
            return _unknown()
        running = {each["name"] for each in loaded if each.get("status") == "Running"}
        if missing := sorted(wanted - running):
            return FAILED, tr(
                "{number} of {all} do not run: {names}; see {log}",
                number=len(missing),
                all=len(wanted),
                names=some(missing),
                log=log_of(state, "asterisk"),
            )
        return OK, tr("all {number} run", number=len(wanted))

    def application(self, state: StateDir, settings: Settings) -> Seen:
        """Who writes the journal holds its lock as long as it lives; who serves 110 tells Asterisk so."""
        lock = state.journal.with_name(state.journal.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return FAILED, tr("it has not run here yet: see scripts/run or siaga.target")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._serves(state, settings)
        finally:
            os.close(descriptor)
        return not_running(tr("without it Asterisk rings all desks at once"))

    def _serves(self, state: StateDir, settings: Settings) -> Seen:
        if state.replaced.exists():
            return WARNING, tr("on standby: another application has connected to Asterisk with its name, and serves")
        first = self._beat(state, settings)
        if first is None:
            return OK, tr("it runs and holds the journal")
        until = time.monotonic() + BEAT_SECONDS
        while time.monotonic() < until:
            if self._beat(state, settings) != first:
                return OK, tr("it runs, holds the journal and serves 110")
            time.sleep(BEAT_SECONDS / 10)
        return FAILED, tr(
            "it runs, but does not serve: Asterisk rings all desks at once, see {log}",
            log=log_of(state, "application"),
        )

    def _beat(self, state: StateDir, settings: Settings) -> str | None:
        """The last word of the application that serves; None: Asterisk cannot be asked."""
        found = self._json(state, settings, f"asterisk/variable?variable={BEAT}")
        return str(found["value"]) if isinstance(found, dict) else None

    def phones(self, state: StateDir, settings: Settings) -> Seen:
        """Whether every desk has a phone that is registered."""
        found = self._json(state, settings, "endpoints/PJSIP")
        if not isinstance(found, list):
            return _unknown()
        online = {str(each["resource"]) for each in found if each.get("state") == "online"}
        missing = [desk.extension for desk in settings.desk if desk.extension not in online]
        polda = [desk.extension for desk in settings.polda_desks]
        if set(polda) <= set(missing):
            return FAILED, tr("no Polda desk has a phone registered, so nobody hears 110: see `siaga phones list`")
        if missing:
            return WARNING, tr(
                "{number} of {all} desks have no phone registered: {names}; see `siaga phones list`",
                number=len(missing),
                all=len(settings.desk),
                names=some(missing),
            )
        return OK, tr("all {number} desks have one registered", number=len(settings.desk))

    def _json(self, state: StateDir, settings: Settings, path: str) -> Any:  # noqa: ANN401 - it is JSON
        """What is there; None: it was not told."""
        if self._silent:
            return None
        word = f"{USER}:{load(state, settings).ari[USER]}".encode()
        try:
            status, body = self._get(settings, path, {"Authorization": f"Basic {base64.b64encode(word).decode()}"})
            return msgspec.json.decode(body) if status == HTTP_OK else None
        except (OSError, HTTPException, msgspec.DecodeError):
            return None

    def _get(self, settings: Settings, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        where = settings.asterisk.http
        connection = HTTPConnection(where.host, where.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", f"/ari/{path}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            self._silent = True
            raise
        finally:
            connection.close()


def _modules(state: StateDir) -> set[str]:
    """The modules that Asterisk's configuration here has it load."""
    text = (state.asterisk / "etc" / "modules.conf").read_text(encoding="utf-8")
    lines = (line.partition(";")[0].partition("=") for line in text.splitlines())
    return {name.strip() for word, _, name in lines if word.strip() in {"load", "require"}}


def _unknown() -> Seen:
    return WARNING, tr("not known while Asterisk does not answer")
