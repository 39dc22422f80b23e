"""Parts by themselves: the domain, the inbox, what comes from Asterisk, and what is kept on disk."""
