"""What a codec is worth: measures of quality, next to the codecs that people would use instead."""
