"""Homes: what a person's server may mount."""
