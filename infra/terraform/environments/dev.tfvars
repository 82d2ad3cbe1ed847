# An environment to try things in: an account of its own, smaller, and nothing in it is protected from deletion.
environment        = "dev"
owner              = "data-engineering"
region             = "eu-central-1"
github_repository  = "your-organisation/market-opinion"
prefect_api_url    = "https://prefect.example.com/api"
protect            = false
monthly_budget_usd = 50
log_retention_days = 7
