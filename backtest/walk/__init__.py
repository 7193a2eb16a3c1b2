"""The walk: settings, folds, tasks, and the engine that fits every model again on each fold."""
