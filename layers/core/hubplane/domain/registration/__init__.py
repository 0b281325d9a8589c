"""Who may have an account, under which name, and whose home it leads to: decisions without I/O, clock or environment.

A name is given once. It stays with the Cognito sub that got it, also after the account is gone (*tombstone*), because storage is
found by the name. ``docs/decisions/0030-names-are-given-once.md`` says how the stores must hold that.
"""
