"""Parts of Penstock measured alone, without nginx, each in its own process."""
