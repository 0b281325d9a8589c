"""What a kubelet does for the pods of a cluster: environment, files, ports, start, readiness, end."""
