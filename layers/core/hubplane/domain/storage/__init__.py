"""What happens to homes at night: which volumes are snapshotted, which volumes and snapshots go, and why the rest stay.

Pure planners ``(inventory, policy, now) -> plan``; executors ask ``recheck`` once more right before each deed.
"""
