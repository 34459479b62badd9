"""The whole, as a bank would use it: by the API, with the demo's bank in it."""
