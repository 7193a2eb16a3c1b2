"""What a run folder records as JSON: the verdict, the audit, a comparison."""
