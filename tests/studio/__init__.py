"""Studio's pages, asked by HTTP."""
