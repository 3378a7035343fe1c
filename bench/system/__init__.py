"""Bot, dashboard and COIN-SIM measured as processes: start, commands, rhythm, memory."""
