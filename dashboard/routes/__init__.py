"""Routes: thin. They take a request apart, ask the hub, and put the answer together."""
