"""A strategy in a process of its own that holds nothing but the bars it may see: no later bar, no file, no network."""
