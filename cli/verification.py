"""What is said of a journal, or of a copy of it, that was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import Refused
from cli.language import localised, tr
from cli.output import counted, print_line

if TYPE_CHECKING:
    from ari_app.store.verify import Verification


def tell(name: str, found: Verification) -> None:
    """A line for each problem, or one that it is whole."""
    for problem in found.problems:
        print_line(tr("line {line}: {reason}", line=problem.seq, reason=localised(problem.what)))
    if found.ok:
        print_line(tr("{name} is whole: {extent}", name=name, extent=_extent(found)))


def require_whole(name: str, found: Verification) -> None:
    """Nothing, where all is as it was written.

    Raises:
        Refused: something was changed; how much.
    """
    if not found.ok:
        problems = counted(len(found.problems) + found.more, "problem")
        raise Refused(tr("{name} is not as it was written: {problems}", name=name, problems=problems))


def _extent(found: Verification) -> str:
    if not found.records:
        return tr("no records")
    count = counted(found.records, "record")
    return tr(
        "{records}, {first} to {last}; the last one's hash is {hash}",
        records=count,
        first=found.first,
        last=found.last,
        hash=found.hash,
    )
