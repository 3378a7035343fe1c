"""One cell of a CSV."""


def cell(value: object) -> str:
    """Quoted where it must be; what a spreadsheet would run as a formula gets a quote in front."""
    text = str(value)
    if text.startswith(("=", "+", "@", "\t", "\r")) or (text[:1] == "-" and not _numeric(text)):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _numeric(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal()
