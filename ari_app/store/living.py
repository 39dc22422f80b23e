"""Which calls live, as far as the journal tells: for who starts, or was cut off, and takes up what is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ari_app.domain.recovery import REMARKS, STORY_ACTIONS, Story
from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from pathlib import Path

_LISTED: Final = {
    name: ", ".join(f"'{action}'" for action in actions)
    for name, actions in (("remarks", REMARKS), ("said", STORY_ACTIONS))
}

# The plus signs keep SQLite from walking through the whole journal by the index on calls.
_QUERY: Final = """
SELECT begun.call, (
    SELECT last.action FROM journal AS last
    WHERE last.call = begun.call AND last.action GLOB 'call.*' AND last.action NOT IN ({remarks})
    ORDER BY last.seq DESC LIMIT 1
), (
    SELECT group_concat(line.action) FROM (
        SELECT action FROM journal WHERE call = begun.call AND action IN ({said}) ORDER BY seq
    ) AS line
), (
    SELECT min(at) FROM journal AS line WHERE line.call = begun.call AND line.action = 'call.received'
), (
    SELECT line.said FROM (
        SELECT seq, CASE WHEN json_valid(data) THEN json_type(data, '$.emergency') END AS said
        FROM journal WHERE call = begun.call AND action = 'call.classified'
    ) AS line
    WHERE line.said IN ('true', 'false') ORDER BY line.seq DESC LIMIT 1
)
FROM ({begun}) AS begun
"""

_LATELY: Final = """
    SELECT +call AS call FROM journal WHERE seq > ?1 AND action = 'call.received' AND +call IS NOT NULL
    EXCEPT
    SELECT +call FROM journal WHERE seq > ?1 AND action = 'call.ended' AND +call IS NOT NULL
"""

_BY_ID: Final = """
    SELECT call FROM journal WHERE call > ?1
    GROUP BY call HAVING sum(action = 'call.received') > 0 AND sum(action = 'call.ended') = 0
"""
"""A call's id begins with the second in which it came: those of the last day, without a look at any other line."""

DAY_SECONDS: Final = 86_400

_LAST: Final = """
SELECT action FROM journal WHERE call = ?1 AND action GLOB 'call.*' AND action NOT IN ({remarks})
ORDER BY seq DESC LIMIT 1
"""


def living(path: Path) -> dict[str, Story]:
    """The calls that have begun and not ended, each with what was told of it.

    ``recovery.REMARKS`` are no last actions: they say nothing of where the caller is.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error: no call lives.
    """
    if not path.exists():
        return {}
    with JournalReader(path, with_reserve=True) as reader:
        after = reader.lately()
        rows = reader.select(_QUERY.format(begun=_LATELY, **_LISTED), (after,))
        if reader.has_import(after):  # up to a million lines at once: a call may have begun before them
            rows += reader.select(_QUERY.format(begun=_BY_ID, **_LISTED), (str(int(time.time()) - DAY_SECONDS),))
        return {
            call: replace(_story(last, (said or "").split(","), since), is_emergency=emergency == "true")
            for call, last, said, since, emergency in rows
        }


def last_action(path: Path, call: str) -> str | None:
    """What was told last of where a call is (``call.*``); None: there was no such call.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not path.exists():
        return None
    with JournalReader(path, with_reserve=True) as reader:
        rows = reader.select(_LAST.format(**_LISTED), (call,))
    return str(rows[0][0]) if rows else None


def _story(last: str, said: list[str], since: str) -> Story:
    story = Story("", since=since)
    for action in said:
        story = story.after(action)
    return replace(story, last=last)
