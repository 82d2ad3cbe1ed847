"""The views for people: star schema (`mart`), report, dashboard, and the charts of both."""
