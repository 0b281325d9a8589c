"""What a cluster needs from EKS beside its stack: who may use its Kubernetes API, add-ons, Pod Identity, the load balancer.

``settings`` says what is wanted and what is there, ``planning`` decides, ``readiness`` says when it is done.
"""
