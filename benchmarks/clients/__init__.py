"""One file a client.

Each fetches a list of URLs its own way and says how many good pages it got.
"""
