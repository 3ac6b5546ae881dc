"""Sum up one matter each: records in, a section of the summary out."""
