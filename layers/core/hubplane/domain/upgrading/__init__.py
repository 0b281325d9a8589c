"""Upgrading a cluster: what is wanted, the path of minors, the gate before each step, the way back."""
