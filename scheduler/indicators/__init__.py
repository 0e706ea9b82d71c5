"""The sixteen indicators of DOMAIN, by its formulas and numbers."""
