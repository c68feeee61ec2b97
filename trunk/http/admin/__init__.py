"""The operators' doors: deliveries of everybody, replays, dead letters, what was set aside, what is stuck."""
