"""What the scripted phone speaks: messages, passwords, dialogs, key presses."""

from __future__ import annotations

import asyncio
import socket
import struct
from itertools import pairwise

import pytest

from scripts.phones import Audio, PhoneEndedError, PhoneTimeoutError, tones
from scripts.phones.dialog import Dialog
from scripts.phones.digest import Challenge
from scripts.phones.sdp import Sdp, answer
from scripts.phones.sip import Message, NameAddr, causes, identity, sipfrag_code, split_list, uri_of

HOST = "127.0.0.1"

INVITE = (
    "INVITE sip:1001@127.0.0.1:5061 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKPj1\r\n"
    'From: "Budi \\"Si\\" <110>, S.H." <sip:%2B6281234567890@127.0.0.1>;tag=abc\r\n'
    "To: <sip:1001@127.0.0.1>\r\n"
    "Contact: <sip:asterisk@127.0.0.1:5060>\r\n"
    "call-id: 42@x\r\n"
    "CSeq: 7 INVITE\r\n"
    "Subject: folded\r\n over lines\r\n"
    "Record-Route: <sip:a;lr>, <sip:b;lr>\r\n"
    "Content-Length: 3\r\n\r\nv=0"
)


def invite(*lines: str) -> Message:
    head, body = INVITE.split("\r\n\r\n")
    message = Message.parse("\r\n".join([head, *lines, "", body]).encode())
    assert message is not None
    return message


# ---- messages


def test_a_request_is_read() -> None:
    message = invite()
    assert (message.method, message.uri, message.cseq, message.call_id) == (
        "INVITE", "sip:1001@127.0.0.1:5061", 7, "42@x",
    )  # fmt: skip
    assert message.branch == "z9hG4bKPj1"
    assert message.get("subject") == "folded over lines"
    assert message.body == "v=0"
    assert not message.is_response


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"", b"hello\r\n\r\n", b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n", b"\xff\x00"])
def test_what_is_no_message_is_dropped(data: bytes) -> None:
    assert Message.parse(data) is None


def test_a_response_copies_what_it_must_and_adds_the_tag_once() -> None:
    request = invite()
    response = Message.parse(request.response(486, tag="mine").encode())
    assert response is not None
    assert (response.code, response.method, response.cseq, response.branch) == (486, "INVITE", 7, "z9hG4bKPj1")
    assert response.get("to") == "<sip:1001@127.0.0.1>;tag=mine"
    again = Message("BYE x SIP/2.0", [("To", "<sip:1001@x>;tag=theirs")]).response(200, tag="mine")
    assert again.get("to") == "<sip:1001@x>;tag=theirs"


def test_the_length_counts_bytes() -> None:
    assert b"Content-Length: 2\r\n\r\n\xc3\xa9" in Message("BYE x SIP/2.0", [], "é").encode()


@pytest.mark.parametrize(
    ("header", "name", "user"),
    [
        ('"Budi \\"Si\\" <110>, S.H." <sip:%2B62812@h>;tag=a', 'Budi "Si" <110>, S.H.', "+62812"),
        ("Budi Santoso <sip:0812@h:5060;transport=udp>;tag=a", "Budi Santoso", "0812"),
        ("<sip:0812@h>;tag=a", "", "0812"),
        ("sip:0812@h;tag=a", "", "0812"),
        ("<tel:+62812;phone-context=x>;tag=a", "", "+62812"),
        ('"Ünïcode \\\\ x"<sip:*10*1*2@h>;tag=a', "Ünïcode \\ x", "*10*1*2"),
        ("<sip:h>;tag=a", "", ""),
    ],
)
def test_a_name_is_decoded(header: str, name: str, user: str) -> None:
    parsed = NameAddr.parse(header)
    assert (parsed.name, parsed.user, parsed.tag) == (name, user, "a")
    assert NameAddr.parse(str(parsed)) == parsed


def test_a_number_is_escaped_only_where_it_must_be() -> None:
    assert uri_of("*10*12345*6789", "h", 5060) == "sip:*10*12345*6789@h:5060"
    assert uri_of("*201#", "h") == "sip:*201%23@h"


def test_the_network_is_believed_before_the_telephone() -> None:
    asserted = 'P-Asserted-Identity: "0812 3x" <sip:0812@h>, <tel:+62812>'
    party = 'Remote-Party-ID: "Lain" <sip:0999@h>;party=calling;privacy=off'
    assert identity(invite()) is None
    both, one = identity(invite(party, asserted)), identity(invite(party))
    assert both is not None
    assert one is not None
    assert (both.name, both.user) == ("0812 3x", "0812")
    assert (one.name, one.user) == ("Lain", "0999")


def test_lists_are_parted_at_their_own_commas_only() -> None:
    assert split_list('"a, b" <sip:x,y@h>, <sip:z>;p=1') == ['"a, b" <sip:x,y@h>', "<sip:z>;p=1"]


def test_reasons_are_read() -> None:
    message = invite('Reason: SIP;cause=200;text="elsewhere, done", Q.850;cause=26', "Reason: X")
    assert causes(message) == {"SIP": 200, "Q.850": 26}
    assert sipfrag_code("SIP/2.0 486 Busy Here\r\n") == 486
    assert sipfrag_code("?") is None


# ---- passwords (the examples of RFC 2617, 3.5)


RFC_NONCE, RFC_OPAQUE = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "5ccc069c403ebaf9f0171e9517f40e41"


def challenged(value: str, code: int = 401) -> Message:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    response = invite().response(code)
    response.headers += [(name, "Digest algorithm=SHA-256, nonce=x"), (name, value)]
    return response


def test_the_digest_of_the_standard() -> None:
    challenge = Challenge.of(
        challenged(
            f'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="{RFC_NONCE}", opaque="{RFC_OPAQUE}"'
        )
    )
    header, value = challenge.answer(("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", cnonce="0a4f113b")
    assert header == "Authorization"
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert 'qop=auth, nc=00000001, cnonce="0a4f113b"' in value
    assert f'opaque="{RFC_OPAQUE}"' in value


def test_the_digest_without_quality_of_protection() -> None:
    challenge = Challenge.of(challenged(f'Digest realm="testrealm@host.com",nonce="{RFC_NONCE}"', 407))
    header, value = challenge.answer(("Mufasa", "Circle Of Life"), "GET", "/dir/index.html")
    assert header == "Proxy-Authorization"
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in value
    assert "qop" not in value
    assert "opaque" not in value


# ---- dialogs and sound


def test_replaces_names_the_other_dialog_as_its_other_side_sees_it() -> None:
    dialog = Dialog("a b@h", NameAddr("", "sip:me@h", {"tag": "m;1"}), NameAddr("", "sip:you@h", {"tag": "y"}), "sip:t")
    assert dialog.replaces == "a b@h;to-tag=y;from-tag=m;1"
    assert dialog.refer_to("sip:201@h") == "<sip:201@h?Replaces=a%20b%40h%3Bto-tag%3Dy%3Bfrom-tag%3Dm%3B1>"


def test_a_dialog_answers_where_it_was_called_from() -> None:
    dialog = Dialog.of_invite(invite())
    bye = dialog.request("BYE")
    assert bye.uri == "sip:asterisk@127.0.0.1:5060"
    assert NameAddr.parse(bye.get("to")).tag == "abc"
    assert NameAddr.parse(bye.get("from")).user == "1001"
    assert bye.all("route") == ["<sip:a;lr>", "<sip:b;lr>"]


def test_descriptions() -> None:
    own = Sdp(HOST, 4000, "sendonly")
    assert Sdp.parse(own.text(1)) == own
    assert Sdp.parse("v=0") is None
    old_hold = Sdp.parse(own.text(1).replace(f"c=IN IP4 {HOST}", "c=IN IP4 0.0.0.0"))
    assert old_hold is not None
    assert old_hold.direction == "inactive"


@pytest.mark.parametrize(
    ("offered", "wanted", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"), ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"), ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"), ("sendonly", "sendonly", "inactive"),
    ],
)  # fmt: skip
def test_an_answer_follows_the_offer(offered: str, wanted: str, answered: str) -> None:
    assert answer(offered, wanted) == answered


# ---- key presses


@pytest.mark.anyio
async def test_a_key_on_the_wire() -> None:
    """RFC 4733: three growing packets, three ends; one stream with the voice, which is silent meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((HOST, 0))
        audio = await Audio.open(HOST, 440)
        audio.talk_to(HOST, ear.getsockname()[1])
        await asyncio.sleep(0.05)
        await audio.press("5#")
        await asyncio.sleep(0.05)
        audio.close()
        ear.setblocking(False)
        packets = list(received(ear))
    sequences = [packet[1] for packet in packets]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(packets))]
    assert len({packet[3] for packet in packets}) == 1
    kinds = "".join("K" if packet[0] & 0x7F == 101 else "v" for packet in packets)
    assert kinds.strip("v") == "K" * 12
    for first, code in ((0, 5), (6, 11)):
        key = [packet for packet in packets if packet[0] & 0x7F == 101][first : first + 6]
        assert [packet[0] >> 7 for packet in key] == [1, 0, 0, 0, 0, 0]
        assert len({packet[2] for packet in key}) == 1
        assert [struct.unpack("!BBH", packet[4]) for packet in key] == [
            *((code, 10, duration) for duration in (160, 320, 480)), *[(code, 0x8A, 640)] * 3,
        ]  # fmt: skip
    voice = [packet[2] for packet in packets if packet[0] & 0x7F == 8]
    jumps = {later - earlier for earlier, later in pairwise(voice)}
    assert jumps == {160, 160 * 16}, "the clock ran on: 2 keys of 7 frames, one to end, and its own"


Packets = list[tuple[int, int, int, int, bytes]]


def received(ear: socket.socket) -> Packets:
    found: Packets = []
    while True:
        try:
            data = ear.recv(2000)
        except BlockingIOError:
            return found
        _first, kind, sequence, timestamp, source = struct.unpack_from("!BBHII", data)
        found.append((kind, sequence, timestamp, source, data[12:]))


@pytest.mark.anyio
async def test_keys_are_heard_once_each_and_by_nobody_when_nobody_is_there() -> None:
    mute, ear = await Audio.open(HOST, None), await Audio.open(HOST, None)
    with pytest.raises(PhoneEndedError):
        await mute.press("1")
    mute.talk_to(ear.host, ear.port)
    with pytest.raises(ValueError, match="no keys"):
        await mute.press("1x")
    await mute.press("*2011#")
    await ear.wait_for_keys("*2011#")
    assert {press.seconds for press in ear.keys} == {0.08}
    assert not ear.packets
    with pytest.raises(PhoneTimeoutError, match="only"):
        await ear.wait_for_keys("9", seconds=0.05)
    pressing = asyncio.create_task(mute.press("123"))
    await asyncio.sleep(0.05)
    mute.hush()
    with pytest.raises(PhoneEndedError):
        await pressing
    mute.close()
    ear.close()


@pytest.mark.anyio
async def test_what_is_closed_while_it_is_being_opened_stays_closed() -> None:
    """A phone leaves as a call comes: nothing of it is left open."""
    for turns in range(4):
        audio = Audio(440)
        binding = asyncio.create_task(audio.bind(HOST))
        for _ in range(turns):
            await asyncio.sleep(0)
        audio.close()
        await binding
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            await asyncio.sleep(0)
            again.bind((HOST, audio.port))


def test_a_tone_that_begins_or_ends_is_not_taken_for_the_one_beside_it() -> None:
    """The tone of ringing, 425 Hz, is no caller's 440, wherever in the 50 ms that are judged together it begins."""
    quiet = tones.tone(0, 0.1)
    for cut in range(0, tones.BLOCK, 8):
        begins_and_ends = quiet[cut:] + tones.tone(425, 1.0) + quiet
        assert tones.seconds_of(begins_and_ends, 440) == 0
        assert tones.seconds_of(begins_and_ends, 425) >= 0.9
        assert tones.seconds_of(quiet[cut:] + tones.tone(440, 1.0) + quiet, 440) >= 0.9
