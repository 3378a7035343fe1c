"""Research measured: its own workloads, and the same ones in other backtesters, side by side in one run."""
