"""What was said and done, as a file for people: Markdown, PDF or DOCX."""
