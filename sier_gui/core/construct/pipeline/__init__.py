"""Building a dataset from texts and pictures (000 §3.1): resumable stages, one module each."""
