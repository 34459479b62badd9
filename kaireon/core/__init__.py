"""The leaf that every other package stands on: ids, errors, paging, the clock, templates, expressions."""
