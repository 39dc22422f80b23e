"""What supervisors do with a living call on a real Asterisk: by SIP, by what is heard, and in the journal."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import pytest
from paho.mqtt.properties import Properties

from ari_app.bus.broker import publishing
from ari_app.bus.topics import COMMANDS, REPLIES
from ari_app.domain.facts import Record
from scripts.phones import Phones
from tests.asterisk.ordering import ACTOR, SUPERVISOR, give, refused
from tests.asterisk.site import Site, actions, assert_complete
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, POLRES_HZ, begin_talk, hear_each_other, moment
from tests.asterisk.test_broker import connect

pytestmark = pytest.mark.anyio

REPLY: Final = f"{REPLIES}supervisor/uji-perintah"


def by_order(story: list[Record], action: str) -> dict[str, object]:
    """The only record of an action, which the supervisor told."""
    (found,) = [record for record in story if record.action == action]
    assert found.actor == ACTOR, found
    return dict(found.data)


async def test_hold_and_resume_classify_and_note(sop_site: Site, sop_phones: Phones) -> None:
    """On hold the caller hears neither operator nor silence; the operator's keys and the orders are one story."""
    site = sop_site
    now = await begin_talk(site, sop_phones)
    call = now.call
    said = await asyncio.to_thread(site.siaga, "calls", "hold", call)
    assert (said.returncode, said.stdout) == (0, f"The caller of call {call} is on hold.\n")
    since = moment()
    await asyncio.sleep(0.6)
    assert now.caller.audio.hears(POLDA_HZ, since=since) == 0
    assert await refused(site, "calls.hold", call) == "the caller is on hold already"
    await give(site, "calls.resume", call)
    await now.hear_each_other()
    assert await refused(site, "calls.resume", call) == "nobody is on hold"
    await give(site, "calls.classify", call, kind="emergency")
    await now.polda.display(lambda name, _: name.startswith("DARURAT"))
    await give(site, "calls.classify", call, kind="valid")
    await give(site, "calls.note", call, text="Pelapor panik, minta ambulans")
    assert await refused(site, "calls.take_back", call) == "no Polres is being rung"
    await now.caller.hang_up()
    story = await site.story(call)
    assert_complete(story)
    assert [record.action for record in story if record.actor == ACTOR] == [
        "call.resumed", "call.classified", "call.classified", "call.noted",
    ]  # fmt: skip
    assert by_order(story, "call.noted")["text"] == "Pelapor panik, minta ambulans"
    shown = site.siaga_json("calls", "show", call)
    assert (shown["kind"], shown["emergency"], shown["desk"]) == ("valid", True, "1001")
    assert await refused(site, "calls.hold", call) == f"call {call} is over"
    await give(site, "calls.note", call, text="Ambulans tiba 14.05")
    assert (await refused(site, "calls.hold", "1.1")).startswith("there is no call 1.1")


async def test_transfer_and_take_back(sop_site: Site, sop_phones: Phones) -> None:
    """The Polres rings, the order takes the call back, and the second time the Polres has it."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    assert await refused(site, "calls.transfer", now.call, polres="77") == "there is no Polres 77"
    why = await refused(site, "calls.transfer", now.call, polres="01")
    assert why == "no desk of Polres 01 can be rung: unreachable"
    await now.hear_each_other()
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ)
    await give(site, "calls.transfer", now.call, polres="01")
    ringing = await polres.rung()
    await give(site, "calls.take_back", now.call)
    await ringing.ended(seconds=2)
    await now.hear_each_other()
    await give(site, "calls.transfer", now.call, polres="01")
    ringing = await polres.rung(count=2)
    await ringing.answer()
    await now.polda.ended()
    await hear_each_other((now.caller, CALLER_HZ), (ringing, POLRES_HZ))
    await now.caller.hang_up()
    story = await site.story(now.call)
    assert_complete(story)
    assert actions(story)[-4:] == ["call.transfer_started", "call.transfer_answered", "call.recorded", "call.ended"]
    assert {record.actor for record in story if record.action == "call.transfer_started"} == {ACTOR}
    last = [record for record in story if record.action == "call.taken_back"][-1]
    assert (last.actor, last.data["reason"]) == (ACTOR, "operator")


@pytest.mark.parametrize("name", ["hangup", "prank"])
async def test_an_order_ends_the_call(sop_site: Site, sop_phones: Phones, name: str) -> None:
    """Both with the salutation; a prank marks the number and closes the complaint, a hang-up leaves it open."""
    site = sop_site
    now = await begin_talk(site, sop_phones, number=f"0812690000{len(name)}")
    if name == "hangup":
        assert await refused(site, "calls.hangup", now.call, reason=" ") == "a reason is needed"
        await give(site, "calls.hangup", now.call, reason="salah sambung")
    else:
        done = await give(site, "calls.classify", now.call, kind="prank")
        assert (done["living"], done["blocked"]) == (True, False)
    since = moment()
    await now.polda.ended(seconds=3)
    await now.caller.ended(seconds=10)
    assert moment() - since > 1, "the salutation was said to its end"
    story = await site.story(now.call)
    assert_complete(story)
    assert await refused(site, "calls.hold", now.call) == f"call {now.call} is over"
    assert by_order(story, "call.closed") == ({"reason": "salah sambung"} if name == "hangup" else {})
    assert ("complaint.closed" in actions(story), "prank.marked" in actions(story)) == ((name == "prank"),) * 2


async def test_a_caller_who_waits(sop_site: Site, sop_phones: Phones) -> None:
    """Nobody has the call: it is shown in the queue, cannot be ended, and can be said to be an emergency."""
    site = sop_site
    after = site.head()
    first = await sop_phones.citizen(number="081269000011", hz=CALLER_HZ)
    call = await site.new_call(after)
    second = await sop_phones.citizen(number="081269000012", hz=CALLER_HZ)
    other = await site.new_call(after, number=2)
    for command, more in (("calls.transfer", {"polres": "01"}), ("monitor.listen", {"desk": "1002"})):
        assert await refused(site, command, call, **more) == "no operator has this call at present"
    assert "nobody is hung up on unheard" in await refused(site, "calls.hangup", call, reason="x")
    await give(site, "calls.classify", other, kind="emergency")
    shown = site.siaga_json("queue", "show")
    assert [(each["call"], each["priority"], each["caller"]) for each in shown["waiting"]] == [
        (other, "emergency", "+6281269000012"), (call, "normal", "+6281269000011"),
    ]  # fmt: skip
    assert shown["ready_desks"] == []
    desk = await sop_phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.05)
    talk = await desk.rung()
    await talk.display(lambda name, _: name == "DARURAT 081269000012")
    await hear_each_other((second, CALLER_HZ), (talk, POLDA_HZ))
    for caller in (second, first):
        await caller.hang_up()
    await site.story(call)
    await site.story(other)


async def test_who_may_order_and_how_often(sop_site: Site, sop_phones: Phones) -> None:
    """A wallboard's order does nothing, nor does a retained one; a supervisor's is done once, however often sent."""
    site = sop_site
    now = await begin_talk(site, sop_phones)

    def request(supervisor: str) -> bytes:
        return json.dumps({"version": 1, "supervisor": supervisor, "arguments": {"call": now.call}}).encode()

    def properties() -> Properties:
        return publishing(correlation=b"satu kali", expiry=5, response_topic=REPLY)

    topic = f"{COMMANDS}calls.hold"
    async with connect(site, "wallboard") as wallboard, connect(site, "supervisor") as supervisor:
        await supervisor.subscribe(REPLY, qos=1)
        await wallboard.publish(topic, request("dinding"), qos=1, properties=properties())
        await supervisor.publish(topic, request("tersimpan"), qos=1, retain=True, properties=properties())
        answers = []
        for _ in range(2):
            await supervisor.publish(topic, request(SUPERVISOR), qos=1, properties=properties())
            async with asyncio.timeout(5):
                async for message in supervisor.messages:
                    answers.append(json.loads(bytes(message.payload)))
                    break
        await supervisor.publish(topic, b"", qos=1, retain=True)
    assert answers == [{"done": True, "result": {"call": now.call}}] * 2
    await now.caller.hang_up()
    assert by_order(await site.story(now.call), "call.held")["desk"] == "1001"


async def test_following_one_call(sop_site: Site, sop_phones: Phones) -> None:
    """``tail`` prints what was done and what is done next, and ends with the call."""
    site = sop_site
    now = await begin_talk(site, sop_phones)
    following = asyncio.create_task(asyncio.to_thread(site.siaga, "calls", "tail", now.call))
    await now.polda.press("*5")
    await site.told(now.call, "call.classified")
    await now.caller.hang_up()
    await site.story(now.call)
    done = await asyncio.wait_for(following, 20)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("---")]
    assert [line.split()[2] for line in lines] == actions(site.records(call=now.call))


async def test_where_the_phones_are_registered(sop_site: Site, sop_phones: Phones) -> None:
    """As the journal has it, with what Asterisk keeps of it in its own database, which it writes once a second."""
    site = sop_site
    desk = await sop_phones.handset(site.accounts[0])
    await asyncio.sleep(1.5)
    (shown,) = site.siaga_json("desks", "register-status", "1001")
    assert (shown["extension"], shown["registered"]) == ("1001", True)
    (phone,) = shown["phones"]
    assert phone["address"].startswith("127.")
    assert phone["expires_at"] > shown["since"]
    await desk.unregister()
    await asyncio.sleep(0.3)
    (shown,) = site.siaga_json("desks", "register-status", "1001")
    assert (shown["registered"], shown["phones"]) == (False, [])
