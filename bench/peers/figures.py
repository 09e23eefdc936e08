"""What was measured: a figure a run for each row and participant, the goals, the table, the JSON."""
import json
import statistics

# row, what it is to be, factor, beside which participant (None: the figure itself)
GOALS = [
    ("projection_insert", "at least", 2.0, "Kafka Connect"), ("projection_upsert", "at least", 2.0, "Kafka Connect"),
    ("projection_insert", "at least", 1.3, "Kafka Streams"), ("projection_upsert", "at least", 1.3, "Kafka Streams"),
    ("append_32", "at least", 8.0, "message-db"), ("read_1000_p50", "at most", 3.0, None),
    ("queue_idle_p50", "at most", 3.0, "River"), ("http_read", "at least", 1.3, "axum"),
]


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Figures:
    def __init__(self):
        self.rows = {}  # (row, participant) → dict, in order of first appearance
        self.skipped = []
        self.failed = False

    def add(self, row, participant, unit, value, guarantee):
        one = self.rows.setdefault((row, participant), {"row": row, "peer": participant, "unit": unit, "runs": [], "guarantee": guarantee})
        one["runs"].append(value)

    def skip(self, row, participant, reason):
        if (row, participant, reason) not in self.skipped:
            self.skipped.append((row, participant, reason))
            print(f"peers: {row}: {participant} skipped: {reason}", flush=True)

    def fail(self, row, participant, reason):
        self.failed = True
        self.skip(row, participant, "failed: " + reason)

    def in_order(self):
        """Those of a row together, rows and participants as they first came."""
        place = {row: n for n, (row, _) in reversed(list(enumerate(self.rows)))}
        return sorted(self.rows.items(), key=lambda item: place[item[0][0]])

    def median(self, row, participant):
        one = self.rows.get((row, participant))
        return statistics.median(one["runs"]) if one else None

    def table(self):
        out, last = [], None
        for (row, participant), one in self.in_order():
            if row != last:
                out.append(f"\n{row} ({one['unit']})")
                last = row
            median, ours = statistics.median(one["runs"]), self.median(row, "ours")
            beside = "" if participant == "ours" or not ours or not median else f"ours is {ours / median:.2f} times it"
            out.append(f"  {participant:26} {number(median):>10}   {number(min(one['runs']))} … {number(max(one['runs'])):<12} {beside:24} {one['guarantee']}")
        out += [f"\nskipped {row}: {participant}: {reason}" for row, participant, reason in self.skipped]
        out += ["", *self.goals()]
        return "\n".join(out)

    def goals(self):
        for row, sense, factor, beside in GOALS:
            ours, other = self.median(row, "ours"), self.median(row, beside) if beside else 1.0
            if ours is None or other is None:
                continue
            ratio = ours / other
            met = ratio >= factor if sense == "at least" else ratio <= factor
            yield f"goal {row}: {sense} {factor:g}{' times ' + beside if beside else ''}: {ratio:.2f}, {'met' if met else 'missed'}"

    def to_json(self):
        return json.dumps({"figures": [{**one, "median": statistics.median(one["runs"])} for _, one in self.in_order()], "goals": list(self.goals()),
                           "skipped": [dict(zip(("row", "peer", "reason"), one)) for one in self.skipped]}, ensure_ascii=False, indent=1)
