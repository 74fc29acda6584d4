"""What the machine gives: descriptors, disk and memory."""
