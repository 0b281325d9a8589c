"""Whether an AWS account can carry the cluster that a specification asks for.

``facts`` says what adapters find out, ``judging`` decides. Nothing here asks anything of AWS.
"""
