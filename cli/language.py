"""What is said to a person, in English or Indonesian; JSON is in neither.

The English texts are the keys: ``tr("{call} is closed", call=...)`` is that text, or its Indonesian one from the
catalogues ``cli/indonesian/GROUP.toml``. Help and table headings are translated where they are shown. What comes from
elsewhere as a ready sentence, such as the application's refusals, goes through ``localised``, which finds the text
that it was made from. In English no catalogue is read. A text without an Indonesian entry stays English; a test sees
to it that there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

ENGLISH, INDONESIAN = "en", "id"
LANGUAGES: Final = (INDONESIAN, ENGLISH)

OPTION: Final = "--lang"
VARIABLE: Final = "SIAGA_LANG"

CATALOGUES: Final = Path(__file__).with_name("indonesian")
WORDS: Final = "words"
"""The catalogue of single words: states, fields, kinds."""

_FIELD: Final = re.compile(r"\{(\w+)\}")
_COUNTED: Final = re.compile(r"(\d+) ([a-z]+(?: [a-z]+)?)")
"""``3 calls``."""

_DEPTH: Final = 3
"""A sentence's value may be a sentence, and so may its value."""


class UnknownLanguage(Exception):
    """A language that there is not; the text is one sentence."""


class _Chosen:
    language = ENGLISH


def choose(arguments: Sequence[str]) -> None:
    """Use the language that the command line names, anywhere; else the environment's; else English.

    Raises:
        UnknownLanguage: neither of ``LANGUAGES`` is named.
    """
    _Chosen.language = ENGLISH
    wanted = _named(arguments) or os.environ.get(VARIABLE) or ENGLISH
    if wanted not in LANGUAGES:
        raise UnknownLanguage(f"there is no language '{wanted}': id is Indonesian, en is English")
    _Chosen.language = wanted


def _named(arguments: Sequence[str]) -> str | None:
    """The last language that is named before ``--``; an option without a value is the command's own to refuse."""
    found = None
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == OPTION and place + 1 < len(arguments):
            found = arguments[place + 1]
        elif argument.startswith(f"{OPTION}="):
            found = argument.removeprefix(f"{OPTION}=")
    return found


@contextmanager
def in_english() -> Iterator[None]:
    """What is said here goes into JSON, which is the same for everybody."""
    before, _Chosen.language = _Chosen.language, ENGLISH
    try:
        yield
    finally:
        _Chosen.language = before


def is_indonesian() -> bool:
    """Whether it is said in Indonesian."""
    return _Chosen.language == INDONESIAN


def tr(text: str, /, **values: object) -> str:
    """A text for people, in the chosen language, with its values. The text is given as a literal: tests collect it."""
    if is_indonesian():
        text = catalogue().get(text, text)
    return text.format(**values) if values else text


def word(name: str | None) -> str | None:
    """A state, kind or field of the contract as people read it; in English, and where it is unknown, as it is."""
    return words().get(name, name) if name is not None and is_indonesian() else name


def localised(sentence: str) -> str:
    """A ready English sentence in the chosen language; as it is where nobody knows the text that it was made from."""
    if not is_indonesian():
        return sentence
    found = _found(sentence, _DEPTH)
    return sentence if found is None else found


def _found(sentence: str, depth: int) -> str | None:
    known = catalogue()
    if sentence in known:
        return known[sentence]
    if match := _COUNTED.fullmatch(sentence):
        noun = known.get(match[2]) or known.get(match[2].removesuffix("s"))
        return f"{match[1]} {noun}" if noun else None
    if not depth:
        return None
    for pattern, names, text in _patterns():
        if match := pattern.fullmatch(sentence):
            values = {
                name: _found(value, depth - 1) or value for name, value in zip(names, match.groups(), strict=True)
            }
            return text.format(**values)
    return None


@cache
def catalogue() -> Mapping[str, str]:
    """The Indonesian text of each English one."""
    return {
        key: text
        for file in sorted(CATALOGUES.glob("*.toml"))
        if file.stem != WORDS
        for key, text in read(file).items()
    }


@cache
def words() -> Mapping[str, str]:
    """The Indonesian of each single word."""
    return read(CATALOGUES / f"{WORDS}.toml")


def read(file: Path) -> dict[str, str]:
    """One catalogue."""
    import tomllib  # noqa: PLC0415 - for Indonesian only

    return {str(key): str(text) for key, text in tomllib.loads(file.read_text(encoding="utf-8")).items()}


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str], str]]:
    """What each text with values looks like when it has them; first those that say most themselves."""
    found = [(len(_FIELD.sub("", key)), key, text) for key, text in catalogue().items() if _FIELD.search(key)]
    found.sort(key=lambda each: (-each[0], each[1]))
    return [(_pattern(key), _FIELD.findall(key), text) for said, key, text in found if said]


def _pattern(text: str) -> re.Pattern[str]:
    parts = _FIELD.split(text)  # literal, name, literal, ...
    return re.compile("".join("(.*?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)), re.DOTALL)
