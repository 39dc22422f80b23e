"""A 110 call through the application, in every order of events (SOP V.1, V.2)."""

from __future__ import annotations

import asyncio

import pytest

from scripts.phones import Behaviour, Dialling, Phones, tones
from tests.asterisk.site import Site, actions, assert_complete, eventually

pytestmark = pytest.mark.anyio

CALLER_HZ, DESK_HZ = 440, 660


async def test_both_hear_each_other_and_the_recording_has_both(site: Site, phones: Phones) -> None:
    """What one side plays is what the other receives, on the samples; the recording holds both sides."""
    after = site.head()
    at_desk, at_caller = await phones.audio(DESK_HZ), await phones.audio(CALLER_HZ, host=site.trunk)
    desk = await phones.desk(site.accounts[0], Behaviour.answers(100), audio=at_desk)
    caller = await phones.call(audio=at_caller)
    await desk.answered()
    await asyncio.gather(
        at_desk.wait_to_hear(CALLER_HZ, for_seconds=1.0), at_caller.wait_to_hear(DESK_HZ, for_seconds=1.0)
    )
    await caller.hang_up()
    assert (await caller.result()).ending == "caller"
    await desk.ended()

    for audio, other, own in ((at_desk, CALLER_HZ, DESK_HZ), (at_caller, DESK_HZ, CALLER_HZ)):
        assert tones.likeness(audio.samples, tones.tone(other, 1.0)) > 0.99
        assert audio.hears(own) == 0, "nobody hears himself"

    story = await site.story(await site.new_call(after))
    assert actions(story) == [
        "call.received", "call.queued", "call.offered", "call.answered", "complaint.opened", "call.recorded",
        "call.ended",
    ]  # fmt: skip
    assert_complete(story)
    recording = site.state / "recordings" / f"{story[0].call}.wav"

    def both_recorded() -> bool:
        channels = tones.read_wav(recording)
        return all(any(tones.seconds_of(channel, hz) >= 0.8 for channel in channels) for hz in (CALLER_HZ, DESK_HZ))

    await eventually(
        lambda: recording.exists() and both_recorded(), seconds=5, what="both tones in the recording", every=0.2
    )


async def test_caller_hangs_up(site: Site, phones: Phones) -> None:
    """The talk ends at both sides and in the journal; who ended it is told."""
    after = site.head()
    desk = await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(hang_up_ms=200))
    assert (await caller.result()).ending == "caller"
    assert (await desk.ended()).fields["by"] == "other"
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[-1].data["by"] == "caller"
    assert story[-1].data["outcome"] == "answered"


async def test_desk_hangs_up(site: Site, phones: Phones) -> None:
    """The caller's leg ends too when the operator hangs up."""
    after = site.head()
    desk = await phones.desk(site.accounts[0], Behaviour.answers(hang_up_ms=200))
    caller = await phones.call()
    assert (await caller.result()).ending == "desk"
    assert (await desk.ended()).fields["by"] == "self"
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[-1].data["by"] == "desk"


async def test_both_hang_up_at_once(site: Site, phones: Phones) -> None:
    """Whoever is first: one complete story each time, and nothing is left."""
    after = site.head()
    desk = await phones.desk(site.accounts[0])
    for number in range(1, 6):
        caller = await phones.call()
        await caller.answered()
        await asyncio.gather(caller.hang_up(), desk.hang_up())
        await caller.result()
        await desk.ended(count=number)
        assert_complete(await site.story(await site.new_call(after, number=number)))
        await site.quiet()


async def test_caller_gives_up_while_it_rings(site: Site, phones: Phones) -> None:
    """The desk stops ringing; the call is abandoned."""
    after = site.head()
    desk = await phones.desk(site.accounts[0], Behaviour.never_answers())
    caller = await phones.call()
    await desk.ringing()
    await caller.hang_up()
    assert (await caller.result()).ending == "cancelled"
    await desk.events.wait("cancelled")
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert actions(story)[-2:] == ["call.abandoned", "call.ended"]
    assert story[-1].data["outcome"] == "abandoned"


async def test_caller_gives_up_as_the_desk_answers(site: Site, phones: Phones) -> None:
    """A CANCEL and an answer that cross leave one complete story, whichever won."""
    after = site.head()
    desk = await phones.desk(site.accounts[0], Behaviour.never_answers())
    for number in range(1, 6):
        caller = await phones.call()
        await desk.ringing(count=number)
        await asyncio.gather(caller.hang_up(), desk.answer())
        await caller.result()
        assert_complete(await site.story(await site.new_call(after, number=number)))
        await site.quiet()


@pytest.mark.parametrize("behaviour", [Behaviour.busy(), Behaviour.unavailable()], ids=["busy", "unavailable"])
async def test_refusing_desk_then_the_next(site: Site, phones: Phones, behaviour: Behaviour) -> None:
    """A desk that refuses costs the caller no noticeable time: the next one rings at once."""
    after = site.head()
    refusing = await phones.desk(site.accounts[0], behaviour)
    caller = await phones.call(Dialling(hang_up_ms=100))
    await refusing.events.wait("rejected")
    answering = await phones.desk(site.accounts[1])
    result = await caller.result()
    assert result.ending == "caller"
    await answering.answered()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    refused = next(record for record in story if record.action == "call.not_answered")
    assert refused.data["desk"] == site.accounts[0][0]
    assert refused.data["reason"] in {"busy", "unreachable"}
    answered = next(record for record in story if record.action == "call.answered")
    assert answered.data["desk"] == site.accounts[1][0]


async def test_silent_desk_then_the_next(site: Site, phones: Phones) -> None:
    """SOP V.2: no answer within ring_seconds (2 here), then the next desk."""
    after = site.head()
    silent = await phones.desk(site.accounts[0], Behaviour.never_answers())
    caller = await phones.call(Dialling(hang_up_ms=100))
    await silent.ringing()
    answering = await phones.desk(site.accounts[1])
    result = await caller.result()
    assert result.ending == "caller"
    await answering.answered()
    await silent.events.wait("cancelled")
    assert result.answered_ms is not None
    assert 1_900 < result.answered_ms < 3_000
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert [record.data["reason"] for record in story if record.action == "call.not_answered"] == ["no_answer"]


async def test_nobody_there_then_a_phone_registers(site: Site, phones: Phones) -> None:
    """A caller whom nobody can take is kept, hears ringing or music, and gets the first phone that registers."""
    after = site.head()
    caller = await phones.call(Dialling(hang_up_ms=100))
    call = await site.new_call(after)
    await caller.sent()
    desk = await phones.desk(site.accounts[2], Behaviour.answers(), wait=False)
    await desk.answered(seconds=10)
    result = await caller.result()
    assert result.ending == "caller"
    story = await site.story(call)
    assert_complete(story)


async def test_anonymous_caller(site: Site, phones: Phones) -> None:
    """SOP V.1: callers who withhold their number are served; there is no number to store."""
    after = site.head()
    await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(number=None, hang_up_ms=100))
    assert (await caller.result()).ending == "caller"
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[0].data["caller"] is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [("081234567890", "+6281234567890"), ("+6281234567890", "+6281234567890"), ("0614567890", "+62614567890")],
)
async def test_number_becomes_e164(site: Site, phones: Phones, number: str, expected: str) -> None:
    """SOP V.1: the caller's number is stored as E.164, however the trunk writes it."""
    after = site.head()
    await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(number=number, hang_up_ms=50))
    await caller.result()
    story = await site.story(await site.new_call(after))
    assert story[0].data["caller"] == expected
    shown = site.siaga_json("calls", "show", str(story[0].call))
    assert shown["caller"] == expected
    assert shown["dialled"] == "110"
    assert shown["outcome"] == "answered"
    assert [action["action"] for action in shown["actions"]] == actions(story)


async def test_hostile_caller_name_changes_nothing(site: Site, phones: Phones) -> None:
    """Only digits of the caller's number reach anything: the call is served all the same."""
    after = site.head()
    await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(number="0812;Hangup(1)%24%7BSYSTEM%7D3456", hang_up_ms=50))
    assert (await caller.result()).is_answered
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert set(str(story[0].data["caller"] or "")) <= set("+0123456789")


async def test_longest_idle_desk_rings(site: Site, phones: Phones) -> None:
    """SOP V.2: the desk that has been idle longest rings, so the desks take turns."""
    after = site.head()
    for account in site.accounts:
        await phones.desk(account)
    taken: list[object] = []
    for number in range(1, 7):
        caller = await phones.call(Dialling(hang_up_ms=30))
        assert (await caller.result()).is_answered
        story = await site.story(await site.new_call(after, number=number))
        taken.extend(record.data["desk"] for record in story if record.action == "call.answered")
    assert len(set(taken[:3])) == 3
    assert taken[3:] == taken[:3]


async def test_two_calls_two_desks(site: Site, phones: Phones) -> None:
    """Two at once are two talks: each caller hears the own operator only."""
    after = site.head()
    ends = [await phones.audio(hz) for hz in (600, 700)]
    callers_ends = [await phones.audio(hz, host=site.trunk) for hz in (400, 500)]
    desks = [await phones.desk(site.accounts[n], audio=ends[n]) for n in range(2)]
    callers = [await phones.call(audio=audio) for audio in callers_ends]
    for caller in callers:
        await caller.answered()
    for desk in desks:
        await desk.answered()
    await eventually(
        lambda: all(sum(audio.hears(hz) > 0.3 for hz in (600, 700)) == 1 for audio in callers_ends)
        and all(sum(audio.hears(hz) > 0.3 for hz in (400, 500)) == 1 for audio in ends),
        seconds=5, what="each hears exactly one other", every=0.1,
    )  # fmt: skip
    for caller in callers:
        await caller.hang_up()
        await caller.result()
    for number in (1, 2):
        assert_complete(await site.story(await site.new_call(after, number=number)))


async def test_desk_vanishes_in_a_talk(site: Site, phones: Phones) -> None:
    """A desk phone that loses its power does not take the instance with it: the caller can hang up, all is told."""
    after = site.head()
    desk = await phones.desk(site.accounts[0])
    caller = await phones.call()
    await caller.answered()
    await desk.answered()
    await desk.die()
    await caller.hang_up()
    await caller.result()
    assert_complete(await site.story(await site.new_call(after)))
    await site.quiet(seconds=40)
