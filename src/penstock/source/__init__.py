"""Inputs, read lazily as rows, one kind each; and the sources that pull from them.

Knows how lists are written down. Does not know hosts, HTTP or outcomes. Nothing is imported here, so that
``throttle`` does not load the kinds of input that only fetching has.
"""
