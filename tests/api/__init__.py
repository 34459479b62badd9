"""The contract that all routes of the API share."""
