"""Where people marked what decided them, against a network's maps (explain.md §4)."""
