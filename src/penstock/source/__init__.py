"""Sources: one kind of input each, read lazily, as rows; and the two ways of pulling from them.

Knows how lists are written down. Does not know hosts, HTTP or outcomes.
"""

from penstock.source.iterables import Items
from penstock.source.opened import open_inputs
from penstock.source.pulled import Inline, ReadAhead

__all__ = ["Inline", "Items", "ReadAhead", "open_inputs"]
