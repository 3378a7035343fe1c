"""The watcher's rules: what is looked at, from when on it is trouble, and what is told of it."""
