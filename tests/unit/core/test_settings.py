"""Settings outlive a damaged file and values of the wrong type."""

from pathlib import Path

import pytest

from sier_gui.core.settings import Settings


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"recent": ')
    settings = Settings(file)
    assert settings.recovered_from is not None
    assert settings.recovered_from.read_text() == '{"recent": '
    settings.push_recent("a")
    assert Settings(file).get("recent") == ["a"]


@pytest.mark.parametrize(("key", "default"), [("shortcuts", {}), ("recent", []), ("theme", "system")])
def test_a_value_of_another_type_counts_as_none(tmp_path: Path, key: str, default: object) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"shortcuts": 9, "recent": 3, "theme": 7}')
    assert Settings(file).get(key, default) == default
