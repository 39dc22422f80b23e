"""A signal at every so much processor time of one thread, as POSIX has it (``timer_create``).

``signal.setitimer`` counts the whole process's time: its signal comes to the main thread while another one computes.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from typing import Final

_SIGEV_THREAD_ID: Final = 4
_libc: Final = ctypes.CDLL(None, use_errno=True)


class _SigEvent(ctypes.Structure):
    """``struct sigevent`` of Linux, 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    )


class _TimerSpec(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every", "every_ns", "first", "first_ns"))


class ThreadTimer:
    """Sends a signal to the thread that made it."""

    def __init__(self, signal: int) -> None:
        """It does not run yet; OSError where the kernel has no more timers."""
        event = _SigEvent(signo=signal, notify=_SIGEV_THREAD_ID, thread=threading.get_native_id())
        self._timer = ctypes.c_void_p()
        _sure(_libc.timer_create(time.CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(self._timer)))

    def start(self, seconds: float) -> None:
        """Begin, or begin anew: every so many seconds of the thread's processor time."""
        whole, part = divmod(round(seconds * 1e9), 10**9)
        _sure(_libc.timer_settime(self._timer, 0, ctypes.byref(_TimerSpec(whole, part, whole, part)), None))

    def stop(self) -> None:
        """No more signals."""
        self.start(0)


def _sure(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
