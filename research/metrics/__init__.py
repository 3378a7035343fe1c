"""Statistics of a run, each with its formula and source. Rates per year count 365 days: crypto trades every day."""
