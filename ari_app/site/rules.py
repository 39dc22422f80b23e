"""What may be entered at a site, as the domain's rules have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_app.domain.blocklist import BlockRules, NumberRules
from ari_app.domain.complaint_fields import FieldRules

if TYPE_CHECKING:
    from ari_app.site.settings import Settings


def field_rules(settings: Settings) -> FieldRules:
    """What a complaint's fields may hold."""
    polres = frozenset(polres.code for polres in settings.polres)
    return FieldRules(settings.site.region, polres, settings.site.area_code)


def number_rules(settings: Settings) -> NumberRules:
    """Which numbers can be blocked, and how they are written."""
    site = settings.site
    return NumberRules(site.region, site.area_code, frozenset(site.emergency_numbers))


def block_rules(settings: Settings) -> BlockRules:
    """SOP VIII, as this site has it."""
    block = settings.block
    return BlockRules(block.pranks, block.window_days, block.expire_days)
