"""Procedures: one coroutine for each, in the order of the SOP.

``emergency`` is SOP section V; ``call`` is what every procedure has in its hands; ``switchboard`` says which
desk is next; ``router`` starts a procedure for each call and ``recovery`` takes up what others left.
"""
