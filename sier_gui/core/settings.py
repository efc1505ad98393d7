"""What the program remembers between runs: one small JSON file, written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sier_gui.core import paths


class Settings:
    """Values by dotted key, saved on each change. A damaged file is set aside, never fatal."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or paths.user_folder("config") / "settings.json"
        self._values: dict[str, Any] = {}
        self.recovered_from: Path | None = None  # where a damaged file was put
        if self.file.is_file():
            try:
                loaded = json.loads(self.file.read_text(encoding="utf-8"))
                self._values = loaded if isinstance(loaded, dict) else {}
            except (OSError, ValueError):
                self.recovered_from = self.file.with_suffix(".damaged.json")
                self.file.replace(self.recovered_from)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``; ``default`` where there is none of its type (files get edited by hand)."""
        value = self._values.get(key, default)
        return value if default is None or isinstance(value, type(default)) else default

    def set(self, key: str, value: Any) -> None:
        if self._values.get(key) == value:
            return
        self._values[key] = value
        paths.write_json(self.file, self._values)

    def push_recent(self, path: str, limit: int = 10) -> None:
        """Put ``path`` first in the list of recently opened datasets."""
        recent = [path, *(p for p in self.get("recent", []) if p != path)]
        self.set("recent", recent[:limit])
