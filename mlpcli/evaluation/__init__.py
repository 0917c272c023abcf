"""Honest numbers for a trained model, beside baselines."""
