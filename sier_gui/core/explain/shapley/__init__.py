"""Shapley values of the flat game: exact, or estimated with error bars (explain.md)."""
