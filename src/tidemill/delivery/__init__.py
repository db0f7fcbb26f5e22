"""Gates, approvals, endpoints, deployments and rollouts."""
