"""What the procedures decide by: pure, without I/O, clock or asyncio."""
