"""Chaos on purpose: a feed against venues that go wrong in every way, at random from a seed, and whether it held."""
