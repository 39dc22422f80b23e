"""A site: its configuration, its state directory, its secrets, and Asterisk's files made from them."""
