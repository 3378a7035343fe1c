"""The research commands of `./coin`, a module for each."""
