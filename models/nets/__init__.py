"""The networks: one file each, torch imported only when a network is made."""
