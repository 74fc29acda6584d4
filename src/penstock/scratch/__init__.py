"""Stores on disk whose content a resume can make again from the input."""
