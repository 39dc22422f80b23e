"""``python -m ari_app.bus.schemas docs/schemas``: writes the JSON Schema of every payload there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ari_app.bus.payloads import (
    Alarms,
    CallState,
    DeskState,
    JournalRecord,
    LastRecord,
    NetState,
    Payload,
    QueueState,
    Status,
)

MODELS: Final[Mapping[str, type[Payload]]] = {
    "alarms": Alarms,
    "call": CallState,
    "desk": DeskState,
    "journal": JournalRecord,
    "journal_last": LastRecord,
    "queue": QueueState,
    "radio": NetState,
    "status": Status,
}
"""By the name of the file."""


def schemas() -> dict[str, str]:
    """The text of each file, by its name."""
    made = {}
    for name, model in MODELS.items():
        schema = model.model_json_schema(mode="serialization")
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        made[f"{name}.schema.json"] = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    return made


def main() -> int:
    """Write them; what else lies there is left alone."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
