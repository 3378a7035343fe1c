"""`./coin bench`: the figures that the project publishes, measured on a system of its own beside the user's."""
