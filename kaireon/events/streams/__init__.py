"""Events out of Kafka and Redis streams: mapped, stored in batches, and only then acknowledged."""
