"""`./coin …`: start, stop, status, kill, doctor, backup, and the commands of the other rooms."""
