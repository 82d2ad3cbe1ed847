"""Write the generated parts of other files: `python -m market_opinion.sources`."""

from pathlib import Path

from market_opinion.sources.listing import contents

if __name__ == "__main__":
    for path, text in contents(Path(__file__).resolve().parents[2]).items():
        path.write_text(text, encoding="utf-8")
