"""Doctors, patients, opening hours and the slots they offer.

Never decides who gets a slot."""
