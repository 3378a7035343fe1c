"""Many points of settings over the same data: grid, random or sampled; on one core, several, or a Ray cluster."""
