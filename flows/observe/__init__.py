"""What runs, waits and is spent now, for Prometheus and for a person: `hindsight metrics`.

snapshot: reads it from the server. spend: dollars of today and of the month. metrics: it as Prometheus' metrics.
page: it as a page (page.html). app: both over HTTP.
"""
