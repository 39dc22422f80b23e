"""The typed client of Asterisk's REST interface: events in, commands out, legs and bridges.

Small on purpose: it has the operations that the flows use and no others. Public names:
``AsteriskClient`` (commands), ``EventStream`` (events), ``Inbox`` and ``Switch`` (who gets which event),
``model`` (what comes in) and ``errors`` (what can go wrong).
"""
