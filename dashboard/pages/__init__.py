"""One module for each page: what it reads first, and its parts."""
