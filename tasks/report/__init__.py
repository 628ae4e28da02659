"""Report: one page that opens offline, with the premium, what it was made from and what it does not say."""
