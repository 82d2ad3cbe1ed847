"""What people look at: star schema, report, dashboard and their charts."""
