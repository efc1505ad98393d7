"""The human study: readers, raters, blind protocol and Table 1 (000 §3.1.1)."""
