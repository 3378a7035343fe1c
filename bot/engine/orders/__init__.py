"""Own orders on their way: submitted, followed up, filled, missing; orders of a second writer."""
