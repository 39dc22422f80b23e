"""A broker elsewhere, with TLS and certificates: who is not known there, or not who they should be, gets nothing."""

from __future__ import annotations

import asyncio
import errno
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import MqttError

from ari_app.bus.broker import broker_of, connect, tls_trouble
from ari_app.site.settings import Mqtt
from scripts.phones import free_port
from scripts.stack.prepare import program
from scripts.stack.sample import HOST
from tests.asterisk.newsroom import Newsroom, reading
from tests.asterisk.site import eventually
from tests.asterisk.test_commands import _listens

pytestmark = pytest.mark.anyio


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and certificates of it for the broker and for us; and another authority with one of its own."""
    folder = tmp_path_factory.mktemp("papers")
    (folder / "names").write_text(f"subjectAltName=IP:{HOST}\n")
    for authority, names in (("ca", ("broker", "siaga")), ("other", ("stranger",))):
        openssl(folder, "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
                "-keyout", f"{authority}.key", "-out", f"{authority}.pem")  # fmt: skip
        for name in names:
            openssl(folder, "req", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                    "-out", f"{name}.csr")  # fmt: skip
            openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem",
                    "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
                    "-out", f"{name}.pem")  # fmt: skip
    return folder


@pytest.fixture
def port(papers: Path, tmp_path: Path) -> Iterator[int]:
    """A broker that lets in only who has a certificate of its authority."""
    port = free_port(HOST, tcp=True)
    config = tmp_path / "outside.conf"
    config.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\nrequire_certificate true\nuser root\n"
        f"cafile {papers}/ca.pem\ncertfile {papers}/broker.pem\nkeyfile {papers}/broker.key\n"
    )
    with subprocess.Popen([program("mosquitto"), "-c", config], stderr=subprocess.DEVNULL) as broker:
        yield port
        broker.kill()


def mqtt(papers: Path, port: int, *, ca: str = "ca", name: str | None = "siaga") -> Mqtt:
    own = {"certificate": f"{papers}/{name}.pem", "key": f"{papers}/{name}.key"} if name else {}
    return Mqtt.model_validate({"url": f"mqtts://{HOST}:{port}", "ca": f"{papers}/{ca}.pem", **own})


@pytest.fixture
async def newsroom(tmp_path: Path, anyio_backend: object) -> AsyncIterator[Newsroom]:
    made = Newsroom(tmp_path / "state")
    yield made
    made.kill_publisher()
    made.journal.close()


async def test_the_stream_comes_there(newsroom: Newsroom, papers: Path, port: int) -> None:
    keys = "\n".join(f'{key} = "{papers}/{file}"' for key, file in FILES.items())
    listen = f'listen = "{newsroom.settings.mqtt.own_broker}"'
    assert listen in newsroom.state.config.read_text()
    newsroom.configure(newsroom.state.config.read_text().replace(listen, f'url = "mqtts://{HOST}:{port}"\n{keys}'))
    await eventually(lambda: _listens_at(port), seconds=5, what="it listens")
    newsroom.start_publisher()
    async with reading(newsroom) as reader:
        newsroom.write(100)
        await reader.has(100)
    assert reader.seqs[-1] == 100
    assert not tls_trouble(newsroom.settings.mqtt)


FILES = {"ca": "ca.pem", "certificate": "siaga.pem", "key": "siaga.key"}


def _listens_at(port: int) -> bool:
    address = Mqtt.model_validate({"listen": f"{HOST}:{port}"}).own_broker
    assert address is not None
    return _listens(address)


@contextmanager
def _late_orders_for_a_closed_socket() -> Iterator[None]:
    """aiomqtt has the loop watch a socket that paho may have closed by then."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno == errno.EBADF:
            return
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(loop, context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


# paho leaves the socket of a handshake that failed to Python's garbage collection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("ca", "name"), [("other", "siaga"), ("ca", "stranger"), ("ca", None)])
async def test_who_is_not_let_in(newsroom: Newsroom, papers: Path, port: int, ca: str, name: str | None) -> None:
    """A broker of another authority; a certificate of another one; none at all."""
    await eventually(lambda: _listens_at(port), seconds=5, what="it listens")
    broker = broker_of(mqtt(papers, port, ca=ca, name=name), newsroom.secrets, "application")
    with _late_orders_for_a_closed_socket():
        with pytest.raises(MqttError):
            async with connect(broker, timeout=3):
                pass
        await asyncio.sleep(0)  # what aiomqtt's thread has asked of the loop comes now


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca": "gone.pem"}, "mqtt.ca: {}/gone.pem: No such file or directory"),
        ({"ca": "names"}, "mqtt.ca: {}/names: not what it should be: "),
        ({"certificate": "gone.pem"}, "mqtt.certificate: {}/gone.pem and {}/siaga.key: No such file"),
        ({"key": "broker.key"}, "mqtt.certificate: {}/siaga.pem and {}/broker.key: not what it should be: "),
    ],
)
def test_what_is_wrong_with_the_files(papers: Path, change: dict[str, str], said: str) -> None:
    files = {key: f"{papers}/{file}" for key, file in (FILES | change).items()}
    found = tls_trouble(Mqtt.model_validate({"url": "mqtts://b", **files}))
    assert found.startswith(said.replace("{}", str(papers)))
    assert "\n" not in found
