"""Blind mutation: small faults made by rule, that nobody chose, tried against the tests and against plain seeds."""
