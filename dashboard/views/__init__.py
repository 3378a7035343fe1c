"""What is shown, as pure functions: a document and the time in, plain data out. No file, socket or clock here."""
