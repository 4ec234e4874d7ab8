"""The library behind the steps. It needs no Prefect, and only `internals` touches the insides of DVC."""
