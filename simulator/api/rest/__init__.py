"""REST's endpoints, a module for each family."""
