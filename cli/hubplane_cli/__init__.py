"""The command-line program ``hubplane``: it starts executions and shows them. What they do is decided by the state machines."""
