"""What may be entered at a site, as the domain's rules have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_app.domain.complaint_fields import FieldRules

if TYPE_CHECKING:
    from ari_app.site.settings import Settings


def field_rules(settings: Settings) -> FieldRules:
    """What a complaint's fields may hold."""
    return FieldRules(settings.site.region, frozenset(polres.code for polres in settings.polres))
