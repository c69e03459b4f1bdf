"""A client of MCP/1, written from docs/protocol.md and the files beside it alone."""
