"""Sources: one kind of input each, read lazily, as rows; and the two ways of pulling from them.

Knows how lists are written down. Does not know hosts, HTTP or outcomes. Nothing is imported here, so that
``throttle`` does not load the kinds of input that only fetching has.
"""
