# Makes entries.csv out of entries.jsonl, byte for byte:  jq -rn -f csv.jq entries.jsonl
# A text that a spreadsheet could take for a formula gets an apostrophe in front.
def cell:
  if type == "string" and
    (.[0:1] as $first | ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"] | index($first)) != null
  then "'" + . else . end;

["seq", "time", "run", "elapsed_us", "clock", "person", "door", "strength", "action", "object_type", "organization",
  "object_id", "before", "after", "policy", "config", "attempt", "request_id", "result", "facts", "prev", "hash"],
(inputs | [.seq, .time, .run, .elapsed_us, .clock, .actor.person, .actor.door, .actor.strength, .action, .object.type,
  .object.organization, .object.id, .before, .after, .policy, .config, .attempt, .request_id, .result, (.facts | tojson),
  .prev, .hash] | map(cell))
| @csv
