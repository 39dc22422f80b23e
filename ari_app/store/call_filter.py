"""Which calls a listing is about, as one query that SQLite and PostgreSQL both understand.

Each form of it finds its calls, in their order, by an index: it is as quick with a million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ari_app.domain.calls import LIVING, CallRow

Query: TypeAlias = tuple[str, dict[str, Any]]
"""Its text with ``:name`` where values go, and the values."""

COLUMNS: Final = tuple(CallRow.__dataclass_fields__)
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM "  # noqa: S608 - only our own words
_ALL: Final = "SELECT * FROM "
_LIVING: Final = f"state IN ({', '.join(repr(state) for state in LIVING)})"
_BY_SEQ, _BY_TIME = "first_seq DESC", "received_ms DESC, first_seq DESC"
FEW: Final = 20_000
"""Calls that are looked at one by one in a tenth of the time that an index with all calls of a year takes."""

_PROBE: Final = "SELECT count(*) FROM (SELECT 1 FROM calls INDEXED BY ix_calls_{name} WHERE {name} = :value LIMIT :few)"
_INDEX: Final = "INDEXED BY ix_calls_"
_EQUAL: Final = ("caller", "desk", "polres", "kind", "outcome", "emergency")


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Conditions that all hold; None: any.

    ``living``: only calls that have not ended (False: only those that have). ``caller`` is E.164. ``operator``: who
    answered the call, or has it, or had it last. Received from ``since_ms`` on and before ``until_ms`` (ms since 1970);
    ``limit`` calls at most.
    """

    living: bool | None = None
    caller: str | None = None
    desk: str | None = None
    operator: str | None = None
    polres: str | None = None
    kind: str | None = None
    outcome: str | None = None
    emergency: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None

    @property
    def has_conditions(self) -> bool:
        """Whether not simply all calls are meant."""
        return bool(self._conditions())

    @property
    def _is_ranged(self) -> bool:
        return self.since_ms is not None or self.until_ms is not None

    @property
    def _has_few(self) -> bool:
        """Few calls live, and few come from one number."""
        return bool(self.living) or self.caller is not None

    def probes(self) -> dict[str, Query]:
        """For SQLite: how many calls meet one of several conditions, by its name; ``FEW`` and one more at most.

        Where a condition is met by few, ``query`` finds the calls by it, however many meet the others.
        """
        if self._is_ranged or self._has_few or len(self._conditions()) < 2:  # noqa: PLR2004 - several
            return {}
        found = {name: value for name in _EQUAL if (value := getattr(self, name)) is not None}
        return {name: (_PROBE.format(name=name), {"value": value, "few": FEW + 1}) for name, value in found.items()}

    def query(self, table: str = "calls", *, is_sqlite: bool = True, rare: str | None = None) -> Query:
        """The newest of these calls, with ``COLUMNS``; ``table`` is where they are.

        ``rare``: a condition of ``probes`` that few calls meet.
        """
        conditions = self._conditions()
        values = {
            name: value
            for name in (*_EQUAL, "operator", "since_ms", "until_ms", "limit")
            if (value := getattr(self, name)) is not None
        }
        if self.operator is not None and len(conditions) == 1:
            return self._of_operator(table), values
        # Several conditions, or a time, are looked for in one index.
        by_time = self._is_ranged or len(conditions) > 1
        index = "conditions" if rare is None else rare
        hint = f" {_INDEX}{index}" if by_time and not self._has_few and is_sqlite and table == "calls" else ""
        return self._select(table + hint, conditions, _BY_TIME if by_time else _BY_SEQ), values

    def _conditions(self) -> list[str]:
        conditions = [f"{name} = :{name}" for name in _EQUAL if getattr(self, name) is not None]
        if self.living is not None:  # never "is not ended", for which no index helps
            conditions.append(_LIVING if self.living else "state = 'ended'")
        if self.operator is not None:
            conditions.append("(operator = :operator OR answered_by = :operator)")
        if self.since_ms is not None:
            conditions.append("received_ms >= :since_ms")
        if self.until_ms is not None:
            conditions.append("received_ms < :until_ms")
        return conditions

    def _select(self, table: str, conditions: list[str], order: str) -> str:
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = " LIMIT :limit" if self.limit is not None else ""
        return f"{_SELECT}{table}{where} ORDER BY {order}{limit}"

    def _of_operator(self, table: str) -> str:
        """Two indexes, each in order, in place of an "or" for which there is none."""
        halves = (self._select(table, [f"{name} = :operator"], _BY_SEQ) for name in ("operator", "answered_by"))
        both = " UNION ".join(f"{_ALL}({half}) AS half_{number}" for number, half in enumerate(halves))
        return self._select(f"({both}) AS found", [], _BY_SEQ)
