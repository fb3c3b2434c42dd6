def run(host: str, port: int) -> None:
    raise NotImplementedError
