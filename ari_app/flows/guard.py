"""The guard: gives callers whose application has died or frozen back to the dialplan, at once.

It runs in another process than the application (the launcher), with an ARI user of its own.
"""

from __future__ import annotations

import secrets

import structlog

from ari_app.ari.commands import Commands
from ari_app.ari.errors import AriRefused
from ari_app.domain import recovery as plan
from ari_app.flows.hearing import silence
from ari_app.flows.radio import free
from ari_app.flows.recovery import seen

log = structlog.get_logger(__name__)


async def rescue_stranded(asterisk: Commands) -> int:
    """Send every caller who talks to nobody to the fallback; returns how many.

    Only while no application runs: it would take up the same callers. Talks are left alone, they go on by
    themselves; but an operator who has just lifted the receiver, and has no caller yet, is rung again.

    Raises:
        AriUnreachable: Asterisk gives no answer.
    """
    channels = [seen(channel) for channel in await asterisk.channels()]
    bridges = [plan.SeenBridge(bridge.id, frozenset(bridge.channels)) for bridge in await asterisk.bridges()]
    rescued = 0
    for action in plan.decide(channels, bridges, flows=(), legs=(), living=()):
        try:
            match action:
                case plan.HangUpStray(leg=leg):  # first: a phone that still rings for us could not ring again
                    await asterisk.hangup(leg)
                case plan.DestroyStray(bridge=bridge):
                    await asterisk.destroy_bridge(bridge)
                case plan.HandBack(channel=line):
                    await asterisk.back_to_dialplan(line)
                case plan.AdoptTalk(caller=caller, leg=leg, on_net=True):
                    await _join(asterisk, caller.id, leg.id)
                case plan.AdoptTalk(caller=caller, leg=leg, bridge=None):
                    await asterisk.hangup(leg.id)
                    await _give_back(asterisk, caller)
                    rescued += 1
                case plan.AdoptWaiting(caller=caller):
                    await _give_back(asterisk, caller)
                    rescued += 1
        except AriRefused as refused:
            # Gone by now, or not claimed yet: then StasisBroadcast lets it go on by itself.
            log.info("guard.too_late", status=refused.status)
    return rescued


async def _join(asterisk: Commands, caller: str, leg: str) -> None:
    """They were on a radio net, both muted, and now talk to each other."""
    bridge = plan.bridge_id(caller, secrets.token_hex(4))
    await asterisk.create_bridge(bridge)
    for each in (caller, leg):
        await silence(asterisk, each)
        await free(asterisk, each)
    await asterisk.add_to_bridge(bridge, [caller, leg], absorb_keys=True)


async def _give_back(asterisk: Commands, caller: plan.SeenChannel) -> None:
    if caller.up:
        await silence(asterisk, caller.id)
    await asterisk.back_to_dialplan(caller.id)
