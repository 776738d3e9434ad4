"""What was asked for, checked as far as it can be before a file is opened."""
