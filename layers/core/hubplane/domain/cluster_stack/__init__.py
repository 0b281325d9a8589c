"""The CloudFormation stack of one cluster: what it should hold, what a change to it would do, and why one failed.

Pure: ``template`` renders the wish, ``preparation`` says whether the stack can be changed now, ``change_set`` and ``verdict``
judge what CloudFormation would do, ``causes`` finds the first cause of a failure.
"""
