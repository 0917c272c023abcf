"""Every setting a user can change, and its text form."""
