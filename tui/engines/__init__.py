"""Where worlds come from: each engine reads (and later changes) one kind of system. None imports textual."""
