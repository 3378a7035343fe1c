"""Trained models as data: their folder, their states, and what a model in shadow answered."""
