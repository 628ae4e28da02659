"""What prefect.yaml cannot say: recipes as parameters, pools, and a local server with its workers."""
