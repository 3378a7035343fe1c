"""What a run says: one HTML file that needs nothing else, a table for the terminal, lots as CSV."""
