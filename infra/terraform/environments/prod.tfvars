# The production environment. Nothing here is a secret.
environment       = "prod"
owner             = "data-engineering"
region            = "eu-central-1"
github_repository = "your-organisation/market-opinion"
alert_email       = ""
prefect_api_url   = "https://prefect.example.com/api"
# account         = "123456789012" # refuse to work in any other
# mart_uri        = "snowflake://myorg-account1/MARKET_OPINION"
settings = {
  MAX_HOURLY_WINDOWS_PER_RUN = "6"
}
