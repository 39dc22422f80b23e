"""Running a program whose end waits for no broker.

aiomqtt connects in a thread of the event loop's own executor. A broker that gives no answer holds that for 5 s an
address, a name that nobody resolves for longer. asyncio waits for such threads when a loop ends, and Python when it
exits: until then no next application would begin. Nothing else runs in that executor: what must be finished (facts,
recordings) is in anyio's threads or the journal's own, which are waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from functools import partial
from threading import Thread
from typing import Any, ParamSpec, TypeVar

import uvloop

P = ParamSpec("P")
T = TypeVar("T")


class _Unwaited(Executor):
    """Each piece of work has a thread of its own, for which nobody waits at the end."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        Thread(target=_work, args=(partial(fn, *args, **kwargs), done), name="unwaited", daemon=True).start()
        return done


def _work(work: Callable[[], T], done: Future[T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
        done.set_exception(error)
    else:
        done.set_result(result)


def run(program: Coroutine[Any, Any, None]) -> None:
    """``uvloop.run``, but for its waiting at the end for connections that are still being made.

    Raises whatever ``program`` raises.
    """

    async def begun() -> None:
        asyncio.get_running_loop().set_default_executor(_Unwaited())
        await program

    uvloop.run(begun())
