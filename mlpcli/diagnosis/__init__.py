"""What a training and a table tell about themselves: findings with stable codes."""
