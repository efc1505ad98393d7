"""Is a map true? Curves, rivals, sanity checks and planted evidence (explain.md §4)."""
