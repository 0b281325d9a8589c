"""The guided run: starts the embedded cloud, deploys the control plane on it and builds the 2019 cluster."""
