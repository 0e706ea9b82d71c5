"""The JSON API under /api/v1; its description is generated from the same declarations."""
