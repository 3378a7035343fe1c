"""Lighthouse over COIN's pages: a measuring program with npm packages of its own, which nothing else needs."""
