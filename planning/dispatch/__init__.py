"""Which vehicle brings which order when: planned from orders, changed by hand, planned again while vehicles drive."""
