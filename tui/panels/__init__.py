"""One panel a file: each draws state that the app hands down and posts messages; none knows an engine."""
