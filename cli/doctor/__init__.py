"""`./coin doctor`: one table of checks, each with the way out."""
