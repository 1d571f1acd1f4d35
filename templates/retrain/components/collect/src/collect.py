"""Take the rows that were measured until a day.

Put your own source here: a query, a download, an export. What the step makes should follow from its inputs, and the day is
one of them, so that a run of the same day can be reused.
"""

import argparse
import csv
import datetime
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measurements", type=Path, required=True)
    parser.add_argument("--until", required=True)
    parser.add_argument("--table", type=Path, required=True)
    args = parser.parse_args()

    last = datetime.date.fromisoformat(args.until[:10]).isoformat()
    with open(args.measurements, encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source)
        with open(args.table / "table.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, reader.fieldnames, lineterminator="\n")
            writer.writeheader()
            rows = 0
            for row in reader:
                if row["day"] <= last:
                    writer.writerow(row)
                    rows += 1
    print(f"{rows} rows until {last}")


if __name__ == "__main__":
    main()
