"""What is seen from outside: probes, numbers for Prometheus, and checks of a deployment's settings."""
