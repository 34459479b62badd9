"""The audit log by API, for admins: browse, read one, export, verify."""
