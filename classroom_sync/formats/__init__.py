"""What schools hand over and take away: spreadsheets and other exchange formats."""
