"""A whole dataset at a glance: counts, the map of the fused layer, doubtful labels, two releases compared."""
