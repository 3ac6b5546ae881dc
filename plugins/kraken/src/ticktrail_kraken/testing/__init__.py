"""Prove the plugin: a loopback Kraken, and the cases of ticktrail's conformance kit.

Needs ``pip install 'ticktrail-kraken[testing]'``.
"""
