"""`./coin bench`: the figures that the project publishes. It measures every room; no room imports it."""
