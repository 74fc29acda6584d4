"""Measures Penstock beside its neighbours, in one run on one machine.

Start it with ``python -m benchmarks``.
"""
