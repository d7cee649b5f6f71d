"""Reference data: what is known of symbols before the tape of a day begins."""
