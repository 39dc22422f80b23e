"""A new application loads no more than it needs: until it runs, callers wait."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_the_application_loads_without_what_it_does_not_use() -> None:
    assert (
        _python("import sys; import ari_app.__main__ as m; print('rich' in sys.modules, m.main.__name__)")
        == "False main"
    )


def test_aiohttp_reads_no_certificate_authorities() -> None:
    read = "import ssl; from aiohttp import connector as c; print(len(c._SSL_CONTEXT_VERIFIED.get_ca_certs()))"
    assert _python(f"import ari_app.__main__; {read}") == "0"


def test_all_is_undone() -> None:
    look = "ssl.create_default_context().cert_store_stats(), os.environ.get('SSL_CERT_FILE'), gc.isenabled()"
    before = f"import gc, os, ssl; os.environ['SSL_CERT_DIR'] = '/kept'; before = {look};"
    after = f"import rich.table; print(before == ({look}), os.environ['SSL_CERT_DIR'])"
    assert _python(f"{before} import ari_app.__main__; {after}") == "True /kept"


def test_what_was_loaded_before_stays() -> None:
    assert _python("import rich, sys; import ari_app.__main__; print(sys.modules['rich'] is rich)") == "True"
