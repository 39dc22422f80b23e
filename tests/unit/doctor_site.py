"""What `siaga doctor` finds on a state directory, and an Asterisk's REST interface as it asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from typing import Any

import pytest

from ari_app.store.journal_file import JournalFile
from cli import checks_files
from tests.unit.cli_site import CONFIG, NOWHERE, CliSite, story

MODULES = "; comment\n[modules]\nautoload = no\nrequire = res_pjsip.so\nload = cel_custom.so ; the witness\n"


def findings(site: CliSite, *arguments: str) -> dict[str, tuple[str, str]]:
    """Result and text of each check."""
    done = site.run("doctor", *arguments)
    assert done.code == (1 if "failed" in done.out else 0)
    lines = [line.split(maxsplit=2) for line in done.out.splitlines()]
    return {check: (result, text) for result, check, text in lines}


def results(site: CliSite) -> dict[str, str]:
    """The result of each check."""
    return {check: result for check, (result, _) in findings(site).items()}


class Ari:
    """Answers who comes without a password with ``status``, and who has one with what Asterisk would say."""

    def __init__(self, status: int) -> None:
        """All is well: every module runs, the application serves, all desks are registered."""
        self.status = status
        self.modules = ["res_pjsip.so", "cel_custom.so"]
        self.desks = ["1001", "1002", "2001"]
        self.is_served = True
        self.port = 0
        self._beats = count()

    def told(self, path: str) -> Any:
        if path == "/ari/asterisk/modules":
            return [{"name": name, "status": "Running"} for name in self.modules]
        if path == "/ari/endpoints/PJSIP":
            return [{"resource": name, "state": "online"} for name in self.desks]
        assert path == "/ari/asterisk/variable?variable=SIAGA_BEAT"
        return {"value": str(next(self._beats)) if self.is_served else "same"}


@contextmanager
def answering(status: int = 401) -> Iterator[Ari]:
    """An HTTP server that answers so."""
    ari = Ari(status)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") is not None
            self.send_response(200 if known else ari.status)
            self.end_headers()
            if known:
                self.wfile.write(json.dumps(ari.told(self.path)).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        ari.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield ari
        finally:
            server.shutdown()
            thread.join()


def running(site: CliSite, port: int, broker: str = NOWHERE, more: str = "") -> JournalFile:
    """Somebody holds the journal; Asterisk is at ``port``."""
    site.configure(CONFIG.replace("28088", str(port)).replace(NOWHERE, broker) + more)
    site.tell(story("1.1"))
    site.run("calls", "list")
    (site.state.asterisk / "etc").mkdir(parents=True, exist_ok=True)
    (site.state.asterisk / "etc" / "modules.conf").write_text(MODULES, encoding="utf-8")
    return JournalFile(site.state.journal)


def with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is free on this machine is enough."""
    monkeypatch.setattr(checks_files, "LITTLE_SPACE", 0)
    monkeypatch.setattr(checks_files, "NO_SPACE", 0)
