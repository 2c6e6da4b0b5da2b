"""Programs that check and measure podtts on a GPU."""
