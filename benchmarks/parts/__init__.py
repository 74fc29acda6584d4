"""Parts of Penstock measured alone, without a server: one file each, run as a process of its own."""
