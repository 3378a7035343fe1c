"""Trained models evaluated by numpy alone: the same bits for one row as for a year of them."""
