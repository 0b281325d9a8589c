"""The figures of `make bench`: ratios and counts, never seconds alone, because machines are noisy."""
