"""Passwords: a challenge's answer by RFC 2617, MD5, with quality of protection ``auth`` or none."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from scripts.phones.events import PhoneError
from scripts.phones.sip import Message, token


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks; ``header`` is the name of the header that carries the answer."""

    realm: str
    nonce: str
    qop: str | None = None
    opaque: str | None = None
    header: str = "Authorization"

    @classmethod
    def of(cls, response: Message) -> Self:
        """The first challenge of a 401 or 407 that can be answered; PhoneError when there is none."""
        is_proxy = response.code == 407  # noqa: PLR2004 -- Proxy Authentication Required
        asked, header = (
            ("Proxy-Authenticate", "Proxy-Authorization") if is_proxy else ("WWW-Authenticate", "Authorization")
        )
        for value in response.all(asked):
            fields = _fields(value)
            offered = [each.strip() for each in fields.get("qop", "").split(",") if each.strip()]
            if fields.get("algorithm", "MD5").upper() == "MD5" and (not offered or "auth" in offered):
                return cls(
                    fields.get("realm", ""),
                    fields.get("nonce", ""),
                    "auth" if offered else None,
                    fields.get("opaque"),
                    header,
                )
        raise PhoneError(f"no challenge that a phone could answer: {response.all(asked)}")

    def answer(
        self, account: tuple[str, str], method: str, uri: str, *, count: int = 1, cnonce: str | None = None
    ) -> tuple[str, str]:
        """The header's name and value; ``account`` is user name and password."""
        user, password = account
        secret = _md5(f"{user}:{self.realm}:{password}")
        asked = _md5(f"{method}:{uri}")
        parts = [
            f'username="{user}"', f'realm="{self.realm}"', f'nonce="{self.nonce}"', f'uri="{uri}"', "algorithm=MD5",
        ]  # fmt: skip
        if self.qop is None:
            proof = _md5(f"{secret}:{self.nonce}:{asked}")
        else:
            cnonce = cnonce or token(16)
            proof = _md5(f"{secret}:{self.nonce}:{count:08x}:{cnonce}:{self.qop}:{asked}")
            parts += [f"qop={self.qop}", f"nc={count:08x}", f'cnonce="{cnonce}"']
        parts.append(f'response="{proof}"')
        if self.opaque is not None:
            parts.append(f'opaque="{self.opaque}"')
        return self.header, "Digest " + ", ".join(parts)


def _fields(value: str) -> dict[str, str]:
    found = re.findall(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s"]+))', value)
    return {name.lower(): quoted or plain for name, quoted, plain in found}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
