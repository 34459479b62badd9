"""What happened: the event log, which is the queue as well."""
