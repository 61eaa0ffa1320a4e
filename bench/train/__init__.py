"""The training of models, and the bridge to RecBole."""
