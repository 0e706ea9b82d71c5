"""What goes wrong at a school's server, looked for: each finding says what is so and what to do."""
