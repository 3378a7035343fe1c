"""A lab that says no: what was tried is counted, and a result is believed only where luck can't explain it."""
