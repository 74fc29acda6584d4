"""The machine: its descriptors, disks and memory."""
