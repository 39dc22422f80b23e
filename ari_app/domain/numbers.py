"""Telephone numbers, written one way: E.164."""

from __future__ import annotations

import phonenumbers


def e164(number: str, region: str) -> str | None:
    """``number`` as ``+62812...``; None for a withheld number.

    ``region`` (``ID``) says whose national numbers these are. A trunk often leaves out the ``+`` of an
    international number: ``62812...`` is tried as one when it is not a valid national number. A short code
    or anything else that is no full number is returned as it came, digits only, so that a caller is never
    lost for the sake of a number.
    """
    digits = "".join(c for c in number if c in "0123456789")
    if not digits:
        return None
    attempts = (number, f"+{digits}") if not number.startswith("+") else (f"+{digits}",)
    for attempt in attempts:
        try:
            parsed = phonenumbers.parse(attempt, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return digits
