"""Helm releases of a cluster: which charts, with which values, and what a build does about the release it finds."""
