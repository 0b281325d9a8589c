"""Ending a cluster: who may ask, what has to be proved first, and what of its things goes or stays."""
