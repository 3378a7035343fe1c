"""One file for each risk policy; `registry` puts them in order."""
