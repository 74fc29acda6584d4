"""Inputs, read lazily as rows, one kind each; and the sources that pull from them.

Knows how lists are written. Does not know hosts, HTTP or outcomes.
"""

from penstock.source.iterables import Items
from penstock.source.opened import open_inputs
from penstock.source.pulled import Inline, ReadAhead

__all__ = ["Inline", "Items", "ReadAhead", "open_inputs"]
