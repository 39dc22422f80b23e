"""What the parties of a call hear when nobody speaks to them: sentences and music, tones and confirmations.

All of it is played by Asterisk as one list for each purpose, so a caller on hold hears music, and never
silence, whatever becomes of the application. In a bridge, who is played something hears nobody else meanwhile
and is heard by nobody; when it is over they are with the others again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from ari_app.ari.errors import AriNotFound, AriRefused
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ari_app.ari.commands import Commands

ROUNDS: Final = 60
"""How often the music, of about 20 s, is repeated in one list. Whoever waits longer hears the list again."""

NAMES: Final = 8
"""Playbacks of one leg have so many names in turn: whoever takes over from us can stop them all."""

ENDLESS, SENTENCES = range(4), range(4, NAMES)
"""The numbers of those without end, and of the others: only the first ones must be sought where none should be."""

RINGING: Final = "tone:ring"
"""Asterisk makes it by itself: no file is needed."""

AGAIN_SECONDS: Final = 0.5
"""From a refusal to the next attempt."""

LONGEST_SENTENCE: Final = 30.0
"""Seconds after which a sentence counts as said, should Asterisk not tell."""

SHORTEST_SECONDS: Final = 1.0
"""What is without end and is over sooner could not be played: its files cannot be read."""

log = structlog.get_logger(__name__)


def playbacks_of(leg: str) -> list[str]:
    """Every name that something played to a leg can have."""
    return [f"{leg}-play-{number}" for number in range(NAMES)]


async def silence(asterisk: Commands, leg: str, numbers: range = range(NAMES)) -> list[int]:
    """Stop whatever somebody before us plays to a leg: it takes no other orders before.

    Returns the numbers of what was stopped: the end of that may be told later than something else has begun.
    """
    names = playbacks_of(leg)
    return [number for number in numbers if await _stop(asterisk, names[number])]


async def let_be_heard(asterisk: Commands, leg: str) -> bool:
    """Unmute whoever may have been on a radio net; False: they still are muted.

    Refused for a reason of Asterisk's own, it is tried once more.

    Raises:
        AriUnreachable: Asterisk gives no answer.
    """
    for _ in range(2):
        try:
            await asterisk.unmute(leg)
        except AriNotFound:  # the leg is gone: its end is in the inbox
            return True
        except AriRefused as refused:
            log.warning("ear.not_unmuted", status=refused.status)
        else:
            return True
    return False


async def _stop(asterisk: Commands, playback: str) -> bool:
    """Stop a playback; False: there was none.

    Refused for a reason of Asterisk's own, it is tried once more: what goes on playing keeps the leg from everybody.
    """
    for _ in range(2):
        try:
            await asterisk.stop_playing(playback)
        except AriNotFound:  # it has ended by itself, or its leg has
            return False
        except AriRefused as refused:
            log.warning("ear.not_stopped", status=refused.status)
        else:
            break
    return True


class Ear:
    """What is played to one leg."""

    def __init__(
        self, asterisk: Commands, leg: str, sounds: str, remind: Callable[[float, str], object] | None = None
    ) -> None:
        """``sounds`` is the folder in which the sentences are, by their keys.

        ``remind`` has ``time_up`` told of a name after so many seconds; without it nothing is tried again.
        """
        self._asterisk = asterisk
        self._leg = leg
        self._sounds = sounds
        self._remind = remind
        self._numbers = list(range(NAMES))
        """In the order in which they were used: the one that was so the longest ago comes first."""
        self._going = 0
        """Of each number a bit: it is in use, or its end has not been told of, which may be taken for another one's."""
        self._playing: str | None = None
        self._endless: list[str] | None = None
        self._media: Sequence[str] = ()
        self._began = 0.0
        self._again: str | None = None
        """With what name ``_media`` is to be tried again."""

    async def take_over(self, numbers: range = range(NAMES)) -> bool:
        """Stop what somebody before us plays to it; whether there was anything."""
        stopped = await silence(self._asterisk, self._leg, numbers)
        for number in stopped:
            self._use(number)
        return bool(stopped)

    async def waits_in_queue(self) -> None:
        """The announcement, music, and every 20 s the request for patience (SOP VI)."""
        rest = [self._sound("musik"), self._sound("antrean-mohon-tunggu")] * ROUNDS
        await self._play([self._sound("antrean-pembuka"), *rest], endless=rest)

    async def waits_to_be_verified(self, announcement: str) -> None:
        """SOP VIII: the announcement, music, and every 20 s the announcement again: it says what can be done."""
        rest = [self._sound("musik"), self._sound(announcement)] * ROUNDS
        await self._play([self._sound(announcement), *rest], endless=rest)

    async def waits_on_hold(self) -> None:
        """SOP VI "Izin Menunggu", then music."""
        rest = [self._sound("musik")] * ROUNDS
        await self._play([self._sound("izin-menunggu"), *rest], endless=rest)

    async def hears(self, *keys: str) -> str:
        """Sentences, one after the other; the playback's id, which ``PlaybackFinished`` has."""
        return await self._play([self._sound(key) for key in keys])

    async def confirms(self, *keys: str) -> None:
        """A short sound in between: what is played without end goes on after it."""
        endless = self._endless or []
        await self._play([*(self._sound(key) for key in keys), *endless], endless=endless or None)

    async def waits_for_answer(self) -> None:
        """The confirmation, then the tone of a telephone that rings elsewhere."""
        await self._play([self._sound("nada-ok"), RINGING], endless=[RINGING])

    async def stop(self) -> None:
        """Nothing is played any more: in a bridge, the leg is with the others again."""
        playing, self._playing, self._endless, self._again = self._playing, None, None, None
        if playing is not None:
            await _stop(self._asterisk, playing)

    async def pause(self) -> None:
        """Stop what is played, so that the leg takes orders; what is without end goes on with the next ``confirms``."""
        playing, self._playing, self._again = self._playing, None, None
        if playing is not None:
            await _stop(self._asterisk, playing)

    async def finished(self, playback: str) -> None:
        """A playback is over; one that must not end begins again. Whoever would hear nothing of it hears it ring."""
        names = playbacks_of(self._leg)
        if playback in names:
            self._going &= ~(1 << names.index(playback))
        if playback != self._playing:
            return
        self._playing = None
        if self._endless is None:
            return
        if self._media is self._endless and now() - self._began < SHORTEST_SECONDS:
            log.error("ear.nothing_heard", media=self._endless[0])
            self._later(playback, [RINGING], [RINGING])
        else:
            await self._play(self._endless, endless=self._endless)

    async def time_up(self, name: str) -> None:
        """A time is over: what was to be tried again is."""
        if self._again == name:
            await self._play(self._media, endless=self._endless)

    def _later(self, name: str, media: Sequence[str], endless: list[str]) -> None:
        if self._remind is not None:
            self._again, self._media, self._endless = name, media, endless
            self._remind(AGAIN_SECONDS, name)

    @property
    def is_playing(self) -> bool:
        """Whether something is being played; a sentence counts as said after a while, should Asterisk not tell."""
        return self.is_heard_for(LONGEST_SENTENCE * len(self._media))

    def is_heard_for(self, seconds: float) -> bool:
        """Whether something is being played that has no end, or has begun less than so many seconds ago."""
        return self._playing is not None and (self._endless is not None or now() - self._began < seconds)

    @property
    def is_endless(self) -> bool:
        """Whether what it hears has no end; also in a pause, and until what was refused is tried again."""
        return self._endless is not None

    async def _play(self, media: Sequence[str], *, endless: list[str] | None = None) -> str:
        await self.stop()
        kind = SENTENCES if endless is None else ENDLESS
        numbers = [each for each in self._numbers if each in kind]
        number = next((each for each in numbers if not self._going >> each & 1), numbers[0])
        self._use(number)
        playback = playbacks_of(self._leg)[number]
        try:
            await self._asterisk.play(self._leg, playback, media)
        except AriNotFound:
            log.info("ear.gone")  # the leg is: its end is in the inbox
        except AriRefused as refused:
            log.warning("ear.not_played", status=refused.status)
            if endless is not None:
                self._later(playback, media, endless)
        else:
            self._playing, self._endless, self._media, self._began = playback, endless, media, now()
        return playback

    def _use(self, number: int) -> None:
        """A number is in use: all others go before it from now on."""
        self._numbers.remove(number)
        self._numbers.append(number)
        self._going |= 1 << number

    def _sound(self, key: str) -> str:
        return f"sound:{self._sounds}/{key}"
