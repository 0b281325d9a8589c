"""What is wrong with a cluster, and what mends it.

``facts`` is all that is looked at, ``seen`` reads it from Kubernetes' objects, ``checks`` judges it (one file and one row of a
table per check), ``judging`` runs the table, ``mending`` says what may be mended without a person.
"""
