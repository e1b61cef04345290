"""What people are told: mails with calendar invitations, queued with the booking, sent after it.

Nothing here changes a booking."""
