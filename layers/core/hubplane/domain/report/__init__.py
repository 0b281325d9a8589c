"""The report of a storage day: what was done, what was kept and why, what waits for a person, what it costs.

``gathering`` reads the night in one pass and keeps counts, sums and capped examples, so that a million snapshots fit; ``model``
is what it finds; ``page`` writes it as one HTML file that needs no network and no script, ``document`` as JSON, ``digest`` as a
mail.
"""
